from regard.errors import EngineError, RegardError, SettingError, nearest


def test_a_message_says_what_was_wrong_found_allowed_and_next():
    error = EngineError("It broke.", found="2", allowed="1", hint="Use 1.")
    assert str(error).splitlines() == ["It broke.", "  found:   2", "  allowed: 1", "  do this: Use 1."]


def test_parts_that_are_not_known_are_left_out():
    assert str(RegardError("It broke.", hint="Mend it.")).splitlines() == ["It broke.", "  do this: Mend it."]


def test_a_wrong_setting_exits_with_two_and_all_others_with_one():
    assert (SettingError("x").exit_code, EngineError("x").exit_code) == (2, 1)


def test_nearest_finds_the_word_meant_and_none_for_nonsense():
    assert nearest("purchse", ["purchase", "delivery"]) == "purchase"
    assert nearest("zzz", ["purchase", "delivery"]) is None
