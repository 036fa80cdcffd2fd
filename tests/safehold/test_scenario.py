"""Scenarios: what is right loads and round-trips; what is wrong is named with file, key, value, what would be
right, and id.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from safehold import errors
from safehold.checks import shortened
from safehold.dump import to_toml
from safehold.durations import parse_duration
from safehold.errors import ScenarioError
from safehold.scenario import LARGEST_FILE, Source, built_in_names, load, parse

GOOD = """
schema = 1
name = "good"
epoch = 2026-06-21T00:00:00Z
duration = "1h"
[orbit]
altitude_km = 550.0
inclination_deg = 97.6
[[station]]
name = "svalbard"
[[fault]]
at = "10m"
duration = "5m"
kind = "gyro_bias"
target = "gyro.1"
rate_deg_s = 0.5
[[command]]
at = "0s"
name = "ping"
[[expect]]
quantity = "pointing_error_deg"
below = 0.5
during = "STANDBY"
"""


def replaced(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def refused(text: str, folder: Path | None = None) -> ScenarioError:
    with pytest.raises(ScenarioError) as caught:
        parse(text, Source("x.toml", folder))
    return caught.value


@pytest.mark.requirement("S4")
def test_good_scenario_holds_what_its_text_says() -> None:
    scenario = parse(GOOD, Source("x.toml", None))
    assert scenario.duration == 3600 * 10**9
    assert scenario.fault[0].parameters == {"rate_deg_s": 0.5}
    assert scenario.fault[0].duration == 300 * 10**9
    assert scenario.expect[0].modes == ("STANDBY",)
    assert scenario.tick_ns == 100_000_000


@pytest.mark.requirement("S4")
def test_resolved_text_reads_back_to_the_same_scenario() -> None:
    for name in built_in_names():
        scenario = load(name)
        assert parse(to_toml(scenario), Source("resolved", None)) == scenario
    scenario = parse(GOOD, Source("x.toml", None))
    assert parse(to_toml(scenario), Source("resolved", None)) == scenario


@pytest.mark.requirement("S4")
def test_contract_names_the_built_in_scenarios() -> None:
    assert {"first-contact", "starbase-launch", "wheel-loss", "replica-upset"} <= set(built_in_names())
    contact = load("first-contact")
    assert contact.duration == parse_duration("24h")
    assert [station.name for station in contact.station] == ["starbase", "svalbard", "hawaii"]
    assert contact.initial.rate_deg_s == [3.0, -2.0, 4.0]


# Each entry: what is replaced, by what, the id, and words that the message must hold (key, value or what
# would be right).
WRONG = [
    (
        "altitude_km = 550.0",
        "altitude_km = 550.0\naltitud_km = 1",
        "SH-SCN-005",
        ["altitud_km", "altitude_km"],
    ),
    ('name = "good"', 'name = "good"\nsede = 3', "SH-SCN-005", ["sede", "seed"]),
    ('name = "good"', "", "SH-SCN-006", ["name"]),
    ('duration = "1h"', 'duration = "-1h"', "SH-SCN-010", ["duration", "-1h", "90s"]),
    ('duration = "1h"', "duration = nan", "SH-SCN-010", ["duration", "nan", "90s"]),
    ('duration = "1h"', "duration = 3600", "SH-SCN-010", ["duration", "3600", "unit"]),
    ('duration = "1h"', 'duration = "0s"', "SH-SCN-010", ["duration"]),
    ('duration = "1h"', 'duration = "3600s50ms"', "SH-SCN-022", ["duration", "100ms"]),
    ("altitude_km = 550.0", "altitude_km = nan", "SH-SCN-009", ["orbit.altitude_km", "nan", "finite"]),
    ("altitude_km = 550.0", "altitude_km = -550.0", "SH-SCN-008", ["orbit.altitude_km", "-550", "150"]),
    ("altitude_km = 550.0", "altitude_km = inf", "SH-SCN-009", ["orbit.altitude_km", "inf"]),
    ("altitude_km = 550.0", 'altitude_km = "550"', "SH-SCN-007", ["orbit.altitude_km", "number"]),
    ("altitude_km = 550.0", "", "SH-SCN-006", ["orbit.altitude_km"]),
    ("inclination_deg = 97.6", "inclination_deg = 200.0", "SH-SCN-008", ["inclination_deg", "200", "180"]),
    ('name = "svalbard"', 'name = "mars"', "SH-SCN-017", ["mars", "latitude_deg", "catalogue"]),
    ('name = "svalbard"', 'name = "svalbart"', "SH-SCN-017", ["svalbart", "did you mean 'svalbard'"]),
    ('name = "svalbard"', 'name = "here"\nlatitude_deg = 10.0', "SH-SCN-017", ["longitude_deg"]),
    (
        'name = "svalbard"',
        'name = "svalbard"\n[[station]]\nname = "svalbard"',
        "SH-SCN-024",
        ["svalbard", "twice"],
    ),
    ('kind = "gyro_bias"', 'kind = "gyro_byas"', "SH-SCN-014", ["gyro_byas", "did you mean 'gyro_bias'"]),
    ('target = "gyro.1"', 'target = "gyro.9"', "SH-SCN-015", ["gyro.9", "gyro.3"]),
    ("rate_deg_s = 0.5", "rate_deg_s = nan", "SH-SCN-016", ["rate_deg_s", "nan"]),
    ("rate_deg_s = 0.5", "", "SH-SCN-016", ["rate_deg_s", "missing"]),
    ("rate_deg_s = 0.5", "rate_deg_s = 1e9", "SH-SCN-016", ["rate_deg_s", "100"]),
    ("rate_deg_s = 0.5", "rate_deg_s = 0.5\nrates = 1.0", "SH-SCN-016", ["rates", "rate_deg_s"]),
    ('at = "10m"', 'at = "2h"', "SH-SCN-021", ["[[fault]] 1, at", "end of the run"]),
    ('name = "ping"', 'name = "pnig"', "SH-SCN-018", ["pnig", "did you mean 'ping'"]),
    ('name = "ping"', 'name = "load_memory"', "SH-SCN-018", ["'octets' is missing"]),
    ('name = "ping"', 'name = "insert_activities"', "SH-SCN-018", ["carries octets"]),
    ('name = "ping"', 'name = "ping"\nexecute_at = "0s"', "SH-SCN-018", ["execute_at", "not after `at`"]),
    (
        'name = "ping"',
        'name = "reset_schedule"\nexecute_at = "5m"',
        "SH-SCN-018",
        ["execute_at", "cannot itself be time-tagged"],
    ),
    ("below = 0.5", "below = 0.5\nequals = 1.0", "SH-SCN-020", ["above", "equals"]),
    ("below = 0.5", "", "SH-SCN-020", ["above", "below", "equals"]),
    ("below = 0.5", "below = 0.5\nabove = 0.5", "SH-SCN-020", ["[[expect]] 1, above", "smaller"]),
    ("below = 0.5", "below = -0.5\nabove = 0.5", "SH-SCN-020", ["nothing is above 0.5 and below -0.5"]),
    ('during = "STANDBY"', 'during = "STANBY"', "SH-SCN-011", ["STANBY", "did you mean 'STANDBY'"]),
    ('during = "STANDBY"', 'from = "2h"', "SH-SCN-021", ["[[expect]] 1, from"]),
    ("pointing_error_deg", "pointing_eror_deg", "SH-SCN-019", ["did you mean 'pointing_error_deg'"]),
    (
        'name = "good"',
        'name = "good"\nflight = { autonomy = 0 }',
        "SH-SCN-007",
        ["flight.autonomy"],
    ),
    ("schema = 1", "schema = 2", "SH-SCN-008", ["schema = 1"]),
    ("schema = 1", "schema = 1\nschema = 1", "SH-SCN-003", ["twice"]),
    ("schema = 1", "schema = ", "SH-SCN-002", ["TOML"]),
    ("2026-06-21T00:00:00Z", "2126-06-21T00:00:00Z", "SH-SCN-008", ["epoch", "2126"]),
    ("2026-06-21T00:00:00Z", "2026-06-21T00:00:00", "SH-SCN-007", ["epoch", "UTC"]),
    ("[orbit]", "[flight]\ncontrol_rate_hz = 3\n[orbit]", "SH-SCN-022", ["flight.control_rate_hz"]),
    ("[orbit]", "[flight]\nreplicas = 2\n[orbit]", "SH-SCN-011", ["flight.replicas", "1 or 3"]),
    ("[orbit]", "[link]\nlatency_ms = 50.0\n[orbit]", "SH-SCN-008", ["link.latency_ms", "100"]),
    ("[orbit]", "[spacecraft]\ndrag_coeficient = 1.0\n[orbit]", "SH-SCN-023", ["drag_coefficient"]),
    ("[orbit]", "[environment]\ngravity_degree = 21\n[orbit]", "SH-SCN-008", ["gravity_degree", "20"]),
    ("[orbit]", "[flight.parameters]\nno_such_thing = 1.0\n[orbit]", "SH-SCN-023", ["no_such_thing"]),
]


@pytest.mark.parametrize(
    ("old", "new", "id", "words"), WRONG, ids=[f"{entry[2]}-{entry[1][:24]!r}" for entry in WRONG]
)
@pytest.mark.requirement("S4")
def test_one_wrong_thing_gives_one_message_with_its_id(old: str, new: str, id: str, words: list[str]) -> None:
    error = refused(replaced(old, new))
    assert [problem.id for problem in error.problems] == [id], str(error)
    assert error.exit_code == 2
    for word in ["x.toml", id, *words]:
        assert word in str(error)


@pytest.mark.requirement("S4")
def test_all_problems_are_reported_at_once() -> None:
    text = replaced("altitude_km = 550.0", "altitude_km = nan").replace('duration = "1h"', "duration = nan")
    assert {problem.id for problem in refused(text).problems} == {"SH-SCN-009", "SH-SCN-010"}


TLE = [
    "1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927",
    "2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537",
]


def test_tables_inside_tables_and_elements_are_counted_from_1_as_commands_are() -> None:
    outages = """
    [[link.outage]]
    from = "1m"
    until = "2m"
    [[link.outage]]
    from = "20m"
    until = "10m"
    direction = "sideways"
    """
    text = GOOD.replace('name = "ping"', 'name = "ping"\npriority = 3') + outages
    text += '[initial]\nrate_deg_s = [0.1, "x", 0.1]\n'
    assert [(one.id, one.key) for one in refused(text).problems] == [
        ("SH-SCN-007", "initial.rate_deg_s, element 2"),
        ("SH-SCN-021", "[[link.outage]] 2, until"),
        ("SH-SCN-011", "[[link.outage]] 2, direction"),
        ("SH-SCN-011", "[[command]] 1, priority"),
    ]


def with_orbit(orbit: str) -> str:
    return replaced("altitude_km = 550.0\ninclination_deg = 97.6", orbit).replace("2026-06-21", "2008-09-21")


@pytest.mark.requirement("S4")
def test_tle_is_taken_as_lines_and_as_a_file_beside_the_scenario(tmp_path: Path) -> None:
    inline = parse(with_orbit(f"tle = {TLE!r}"), Source("x.toml", None))
    (tmp_path / "iss.txt").write_text("ISS (ZARYA)\n" + "\n".join(TLE) + "\n")
    from_file = parse(with_orbit('tle = "iss.txt"'), Source("x.toml", tmp_path))
    assert inline.orbit.tle == TLE
    assert from_file.orbit.tle == ["ISS (ZARYA)", *TLE]


@pytest.mark.requirement("S4")
def test_tle_with_a_bad_checksum_is_refused() -> None:
    error = refused(with_orbit(f"tle = {[TLE[0][:-1] + '6', TLE[1]]!r}"))
    assert [problem.id for problem in error.problems] == ["SH-SCN-013"]
    assert "check digit" in str(error)


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "missing.txt"])
@pytest.mark.requirement("S4")
def test_a_scenario_reads_no_file_outside_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("\n".join(TLE))
    inside = tmp_path / "inside"
    inside.mkdir()
    error = refused(with_orbit(f'tle = "{name}"'), inside)
    assert [problem.id for problem in error.problems] == ["SH-SCN-013"]


@pytest.mark.parametrize(
    "orbit",
    ["", 'altitude_km = 550.0\ninclination_deg = 97.6\nlaunch = { site = "starbase", azimuth_deg = 90.0 }'],
)
@pytest.mark.requirement("S4")
def test_an_orbit_has_exactly_one_form(orbit: str) -> None:
    assert [problem.id for problem in refused(with_orbit(orbit)).problems] == ["SH-SCN-012"]


@pytest.mark.requirement("S4")
def test_a_state_below_the_ground_is_refused() -> None:
    state = "state_gcrf = { position_m = [6e6, 0.0, 0.0], velocity_m_s = [0.0, 7600.0, 0.0] }"
    assert [problem.id for problem in refused(with_orbit(state)).problems] == ["SH-SCN-013"]


@pytest.mark.parametrize("path", ["nothing-here.toml", "first-contct", "."])
@pytest.mark.requirement("S4")
def test_a_scenario_that_is_not_there_is_one_message(path: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(Path(path) if path == "." else path)
    assert caught.value.id == "SH-SCN-001"


@pytest.mark.requirement("S4")
def test_a_file_that_is_too_large_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    path.write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert caught.value.id == "SH-SCN-004"


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"a = " + b"[" * 100_000, b"a" + b".a" * 300_000 + b" = 1", b"\x00"]
)
@pytest.mark.requirement("S4")
def test_hostile_bytes_are_bad_toml_and_nothing_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "hostile.toml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert caught.value.id == "SH-SCN-002"


@pytest.mark.requirement("S4")
def test_a_shorter_run_leaves_out_what_comes_after_it() -> None:
    contact = load("first-contact")
    short = shortened(contact, parse_duration("2h"))
    assert short.ticks == 2 * 36_000
    assert all((expect.from_ or 0) < short.duration for expect in short.expect)
    assert len(short.expect) < len(contact.expect)
    assert parse(to_toml(short), Source("resolved", None)) == short


@pytest.mark.requirement("S4")
def test_ids_are_unique_and_every_id_in_the_sources_is_registered(repository: Path) -> None:
    import re

    used = set()
    for path in (repository / "safehold").glob("*.py"):
        used |= set(re.findall(r"SH-[A-Z]{3}-[0-9]{3}", path.read_text(encoding="utf-8")))
    assert used == set(errors.IDS)
