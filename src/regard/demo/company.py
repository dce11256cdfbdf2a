"""Halvermoor, a company that does not exist: its regions, shops, staff and the names of its people."""

from __future__ import annotations

REGIONS = ("north", "vale", "hills", "coast")
SHARES = (0.29, 0.27, 0.20, 0.24)
EAGERNESS = {"north": 1.0, "vale": 1.0, "hills": 1.0, "coast": 1.5}  # the coast has no shops near and orders more
WAREHOUSE = {"north": "west", "coast": "west", "vale": "east", "hills": "east"}
TOWNS = {
    "north": ("Ardenby", "Korst", "Lindmark"),
    "vale": ("Mellow Ford", "Oostervale", "Quennel"),
    "hills": ("Brackmoor", "Steenberg", "Upper Tarn"),
    "coast": ("Saltmere", "Duinhaven", "Pellworth"),
}
STORES = ("store-ardenby", "store-korst", "store-mellow-ford", "store-quennel", "store-brackmoor", "store-saltmere")
FLATS = {"north": 0.30, "vale": 0.25, "hills": 0.45, "coast": 0.30}

FIRST = (
    "Ada", "Aurel", "Bart", "Bea", "Cato", "Ciel", "Daan", "Dora", "Elio", "Elke", "Emre", "Fien", "Finn", "Gaia",
    "Goran", "Hanne", "Hugo", "Ilse", "Imre", "Jana", "Joris", "Kaat", "Kamil", "Lara", "Leon", "Lies", "Luca",
    "Maud", "Milan", "Mira", "Nele", "Nico", "Noor", "Olaf", "Orla", "Paz", "Pim", "Rana", "Rik", "Roos", "Sem",
    "Sofie", "Stan", "Suze", "Tess", "Thijs", "Uma", "Vera", "Wout", "Yara", "Yves", "Zita",
)  # fmt: skip
LAST = (
    "Aalders", "Baeck", "Beerens", "Callens", "Corvin", "Daems", "Delrue", "Dierick", "Egmond", "Elskens", "Faes",
    "Ferrand", "Geens", "Goossen", "Haver", "Hoste", "Imbrecht", "Jorissen", "Keller", "Kroon", "Lauwer", "Lemmens",
    "Maes", "Moreel", "Nagel", "Nijs", "Ostend", "Pauwel", "Peeter", "Quint", "Raes", "Roelant", "Sabbe", "Segers",
    "Tack", "Thoen", "Ulens", "Vanmoer", "Verlaan", "Vos", "Wauters", "Wevers", "Ysebaert", "Zeger",
)  # fmt: skip

ACCOUNTS = (
    "Tarn Valley Clinics", "Korst Logistics", "Lindmark Schools", "Quennel Legal", "Ardenby Works", "Saltmere Hotels",
    "Steenberg Studio", "Oostervale Farms", "Pellworth Port", "Brackmoor Bank", "Mellow Ford Media", "Duinhaven Care",
)  # fmt: skip

GROUP, IN_GROUP = "Duin and Tarn Care", ("Tarn Valley Clinics", "Duinhaven Care")
"""Two accounts that belong to one."""

PAGES = ("home", "kitchen", "bedroom", "lighting", "garden", "product", "product", "product", "basket", "help")
CAMPAIGNS = ("spring kitchen", "garden days", "back to the table", "warm lights")
REASONS = ("where is my order", "product question", "invoice", "change of address", "subscription")

PRAISE = (
    "Handed over with a smile, they loved it.",
    "Smooth round, every parcel scanned at the address.",
    "Customer very happy with the quick delivery.",
    "All on time today, expect top marks.",
)
GLAD = ("Quick and well packed.", "As always, thank you.", "On time, lovely.", "Exactly what I hoped for.")
SORRY = ("Much later than you said.", "Nobody told me anything.", "Not what was promised.", "I had to chase it myself.")
NOT_AT_DOOR = (
    "It was left downstairs at the entrance, I live on the fourth floor.",
    "To your door, you said. It stood in the hall of the block.",
    "The box was by the letterboxes, not at my door.",
)
