from importlib.metadata import EntryPoint

import pytest

from regard import plugins
from regard.errors import PluginError


def entries(*pairs):
    return [EntryPoint(name, value, "regard.engines") for name, value in pairs]


def test_an_installed_plugin_is_loaded_by_name(monkeypatch):
    monkeypatch.setattr(plugins, "entry_points", lambda group: entries(("mine", "json:dumps")))
    import json

    assert plugins.load("engines", "mine") is json.dumps


def test_an_unknown_plugin_names_the_nearest(monkeypatch):
    monkeypatch.setattr(plugins, "entry_points", lambda group: entries(("flink", "json:dumps")))
    with pytest.raises(PluginError, match="'flink'"):
        plugins.load("engines", "flnk")


def test_two_packages_with_one_name_are_refused(monkeypatch):
    monkeypatch.setattr(plugins, "entry_points", lambda group: entries(("a", "json:dumps"), ("a", "json:loads")))
    with pytest.raises(PluginError, match="Uninstall one"):
        plugins.installed("engines")


def test_an_unknown_group_says_which_there_are():
    with pytest.raises(PluginError, match="sources, channels, engines, conventions"):
        plugins.installed("engine")


def test_every_plugin_of_our_own_can_be_loaded():
    for group, names in plugins.OWN.items():
        for name in names:
            assert callable(plugins.load(group, name)), (group, name)
