"""TLE and OMM: real elements, published SGP4 output, and every way in which they may be damaged."""

import json
from datetime import UTC, datetime

import erfa
import numpy as np
import pytest

from sim.environment.ephemeris import skyfield_times
from sim.orbit.errors import OmmError, OrbitInputError, TleError
from sim.orbit.mean_elements import checksum, from_omm, from_tle, omm_fields, split_tle

# Vanguard 1 as in Vallado, Crawford, Hujsak and Kelso, Revisiting Spacetrack Report 3, AIAA 2006-6753.
VANGUARD = """\
1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753
2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667
"""
# One object in four forms, from CelesTrak, 25 April 2023.
TLE = """\
MARIO
1 55123U 98067UQ  23115.44827133  .00787702  29408-3  15680-2 0  9999
2 55123  51.6242 216.2930 0014649 331.8976  28.1241 15.99081912 18396
"""
FIELDS = {
    "OBJECT_NAME": "MARIO",
    "OBJECT_ID": "1998-067UQ",
    "EPOCH": "2023-04-25T10:45:30.642912",
    "MEAN_MOTION": 15.99081912,
    "ECCENTRICITY": 0.0014649,
    "INCLINATION": 51.6242,
    "RA_OF_ASC_NODE": 216.2930,
    "ARG_OF_PERICENTER": 331.8976,
    "MEAN_ANOMALY": 28.1241,
    "EPHEMERIS_TYPE": 0,
    "CLASSIFICATION_TYPE": "U",
    "NORAD_CAT_ID": 55123,
    "ELEMENT_SET_NO": 999,
    "REV_AT_EPOCH": 1839,
    "BSTAR": 0.1568e-2,
    "MEAN_MOTION_DOT": 0.787702e-2,
    "MEAN_MOTION_DDOT": 0.29408e-3,
}
MARIO_EPOCH = datetime(2023, 4, 25, 10, 45, 30, 642912, tzinfo=UTC)


@pytest.mark.requirement("S4")
def test_tle_against_published_sgp4_output() -> None:
    """Position and velocity at Vanguard's epoch as published in TEME, turned into GCRF by SOFA's IAU
    1976/1980 routines.

    Skyfield takes TEME to GCRF by IAU 2000A; the two differ by the celestial pole offsets of the old theory
    (0.05 arcseconds of 7,200 km is 2 m); the epoch is rounded to a microsecond (7 mm).
    """
    epoch = datetime(2000, 6, 27, 18, 50, 19, 733568, tzinfo=UTC)
    published_m = 1e3 * np.array([7022.46529266, -1400.08296755, 0.03995155])
    published_m_s = 1e3 * np.array([1.893841015, 6.405893759, 4.534807250])
    tt = skyfield_times(epoch, 0.0).tt
    equinoxes = erfa.eqeq94(2400000.5, tt - 2400000.5)
    date_from_teme = erfa.rz(-equinoxes, np.eye(3))
    gcrf_from_teme = erfa.pnm80(2400000.5, tt - 2400000.5).T @ date_from_teme
    state = from_tle(VANGUARD, epoch).state_gcrf
    assert np.linalg.norm(state[:3] - gcrf_from_teme @ published_m) < 4.0
    assert np.linalg.norm(state[3:] - gcrf_from_teme @ published_m_s) < 4e-3
    assert np.linalg.norm(state[:3]) == pytest.approx(np.linalg.norm(published_m), abs=0.02)


def as_kvn() -> str:
    lines = ["CCSDS_OMM_VERS = 2.0", "CENTER_NAME = EARTH", "REF_FRAME = TEME", "TIME_SYSTEM = UTC"]
    return "\n".join(lines + [f"{key} = {value}" for key, value in FIELDS.items()])


def as_xml() -> str:
    body = "".join(f"<{key}>{value}</{key}>" for key, value in FIELDS.items())
    meta = "<CENTER_NAME>EARTH</CENTER_NAME><REF_FRAME>TEME</REF_FRAME><TIME_SYSTEM>UTC</TIME_SYSTEM>"
    segment = f"<segment><metadata>{meta}</metadata><data>{body}</data></segment>"
    return f'<?xml version="1.0"?><ndm><omm><body>{segment}</body></omm></ndm>'


@pytest.mark.requirement("S4")
@pytest.mark.parametrize(
    "message",
    [
        as_kvn(),
        as_xml(),
        json.dumps([FIELDS]),
        ",".join(FIELDS) + "\n" + ",".join(str(value) for value in FIELDS.values()) + "\n",
    ],
    ids=["kvn", "xml", "json", "csv"],
)
def test_every_form_of_omm_gives_the_state_of_the_tle(message: str) -> None:
    """The TLE's epoch is cut to 1e-8 day (0.9 ms): 7 m along the track at most."""
    at = datetime(2023, 4, 26, tzinfo=UTC)
    by_tle, by_omm = from_tle(TLE, at).state_gcrf, from_omm(message, at).state_gcrf
    assert np.linalg.norm(by_tle[:3] - by_omm[:3]) < 7.0
    assert np.linalg.norm(by_tle[:3]) == pytest.approx(6.65e6, rel=0.01)


@pytest.mark.requirement("S4")
def test_old_elements_are_noted() -> None:
    assert from_tle(TLE, MARIO_EPOCH).notes == ()
    assert from_tle(TLE, datetime(2023, 5, 5, 12, tzinfo=UTC)).notes == (
        "the elements are 10 days old at the epoch",
    )


def damaged(old: str, new: str, *, mend: bool = True) -> str:
    """The TLE with one text replaced; `mend` puts the check digits right again, so that only the field is
    wrong.
    """
    lines = TLE.replace(old, new).splitlines()
    if mend:
        lines = [line[:68] + str(checksum(line)) if line[:2] in ("1 ", "2 ") else line for line in lines]
    return "\n".join(lines)


@pytest.mark.requirement("S4")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (damaged("0  9999", "0  9998", mend=False), "check digit '8', but its digits add up to 9"),
        (damaged("51.6242", "51.6243", mend=False), "check digit '6', but its digits add up to 7"),
        (damaged("2 55123", "2 55124"), "catalogue number"),
        (damaged("  51.6242", " 200.0000"), "between 0 and 180"),
        (damaged("15.99081912", "25.99081912"), "at most 17"),
        (damaged("51.6242", "51.62x2"), "must be a number in columns 9 to 16"),
        (damaged("0014649", "0.14649"), "seven digits"),
        (damaged(" 23115.44827133", " 23999.44827133"), "last day of 2023"),
        (damaged(" 23115.44827133", " 23366.00000000"), "last day of 2023"),
        (damaged(" 23115.44827133", " 23000.99999999"), "last day of 2023"),
        (damaged(" 23115.", " 2.115."), "two digits"),
        (TLE.replace("1 55123", "3 55123"), "must begin with '1 '"),
        ("\n".join(line[:60] for line in TLE.splitlines()), "60 characters"),
        (TLE.splitlines()[1], "two lines"),
        ("", "two lines"),
    ],
)
def test_damaged_tle_is_refused(text: str, message: str) -> None:
    with pytest.raises(TleError, match=message):
        split_tle(text)


@pytest.mark.requirement("S4")
def test_a_leap_year_has_a_day_more() -> None:
    text = damaged(" 23115.44827133", " 24366.99999999")
    assert split_tle(text)[0] == text.splitlines()[1]


@pytest.mark.requirement("S4")
def test_any_single_digit_changed_is_noticed() -> None:
    """The check digit catches every change of one digit, wherever it stands."""
    lines = TLE.splitlines()
    seen = 0
    for n in (1, 2):
        for at, c in enumerate(lines[n]):
            if c.isdigit():
                changed = lines[n][:at] + str((int(c) + 1) % 10) + lines[n][at + 1 :]
                with pytest.raises(TleError):
                    split_tle("\n".join(changed if i == n else line for i, line in enumerate(lines)))
                seen += 1
    assert seen > 80


@pytest.mark.requirement("S4")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"INCLINATION": 200.0}, "between 0 and 180"),
        ({"MEAN_MOTION": "fast"}, "must be a number"),
        ({"ECCENTRICITY": 1.0}, "closed orbit"),
        ({"MEAN_MOTION": "nan"}, "at most 17"),
        ({"EPOCH": "yesterday"}, "UTC time"),
        ({"REF_FRAME": "EME2000"}, "must be TEME"),
        ({"MEAN_ELEMENT_THEORY": "DSST"}, "must be SGP4"),
    ],
)
def test_wrong_omm_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(OmmError, match=message):
        from_omm(FIELDS | change, MARIO_EPOCH)


@pytest.mark.requirement("S4")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{not json", "is not JSON"),
        ("<omm><unclosed></omm>", "is not XML"),
        ("<other/>", "<omm> element"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><omm/>', "document type"),
        ("[]", "object of OMM keywords"),
        ("CENTER_NAME = EARTH", "MEAN_MOTION.*is missing"),
    ],
)
def test_unreadable_omm_is_refused(text: str, message: str) -> None:
    with pytest.raises(OmmError, match=message):
        from_omm(text, MARIO_EPOCH)


@pytest.mark.requirement("S4")
def test_elements_that_decay_before_the_epoch_are_refused() -> None:
    with pytest.raises(OrbitInputError, match="SGP4 cannot reach"):
        from_tle(TLE, datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.requirement("S4")
def test_units_in_kvn_are_left_out() -> None:
    assert omm_fields("INCLINATION = 51.6 [deg]\nBSTAR = 0.1 [1/ER]")["INCLINATION"] == "51.6"
