"""The link budget: from the power that leaves an antenna to the share of bits that arrive wrong.

    Eb/N0 = EIRP - free-space loss - atmosphere / sin(elevation) - other losses + G/T - k - rate     (dB)

after CCSDS 401.0-B and Maral and Bousquet, Satellite Communications Systems (2009, 5.4). Bit errors are those
of coherent BPSK or QPSK, erfc(sqrt(Eb/N0)) / 2, at the Eb/N0 less the demodulator's implementation loss and
with the code's gain. Every default has its source in docs/link.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SPEED_OF_LIGHT_M_S = 299_792_458.0
BOLTZMANN_DBW_K_HZ = -228.599
SINE_LEAST = 0.02
"""Below 1.1 degrees the path through the air no longer grows as 1 / sin(elevation)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One direction.

    `eirp_dbw` and `g_t_db_k` are without the gain of the satellite's patch, which turns with the body;
    `losses_db` are polarisation and pointing.
    """

    frequency_hz: float
    rate_bit_s: float
    eirp_dbw: float
    g_t_db_k: float
    losses_db: float
    implementation_db: float
    code_gain_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """The gain of one patch by the angle from its boresight: a parabola in dB down to a back lobe."""

    peak_dbi: float = 6.5
    beamwidth_rad: float = math.radians(80.0)
    back_dbi: float = -10.0

    def gain_dbi(self, cosine: float) -> float:
        """Gain at the angle with that cosine."""
        part = math.acos(min(1.0, max(-1.0, cosine))) / self.beamwidth_rad
        return max(self.peak_dbi - 12.0 * part * part, self.back_dbi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Both directions. A signal below `acquisition_ebn0_db` is neither locked to nor synchronised with.

    The patches look along body +z (0) and -z (1). Each receiver hears with a patch of its own, so that the
    better one counts; the transmitter feeds the one that the flight software chooses. Stations may differ in
    EIRP and G/T; `station_eirp_dbw` and `station_g_t_db_k` have one number each.
    """

    tm: Channel
    tc: Channel
    patch: Patch = Patch()
    atmosphere_zenith_db: float = 0.04
    acquisition_ebn0_db: float = 0.0
    station_eirp_dbw: tuple[float, ...] = ()
    station_g_t_db_k: tuple[float, ...] = ()

    def tm_ebn0_db(self, station: int, range_m: float, sine: float, cosine: float, antenna: int) -> float:
        """Eb/N0 at a station; `cosine` is that of the angle between body +z and the line to the station."""
        gain = self.patch.gain_dbi(-cosine if antenna == 1 else cosine)
        better = self.station_g_t_db_k[station] - self.tm.g_t_db_k if self.station_g_t_db_k else 0.0
        return ebn0_db(self.tm, range_m, sine, self.atmosphere_zenith_db) + gain + better

    def tc_ebn0_db(self, station: int, range_m: float, sine: float, cosine: float) -> float:
        """Eb/N0 at the receiver that hears better."""
        gain = self.patch.gain_dbi(abs(cosine))
        better = self.station_eirp_dbw[station] - self.tc.eirp_dbw if self.station_eirp_dbw else 0.0
        return ebn0_db(self.tc, range_m, sine, self.atmosphere_zenith_db) + gain + better

    def tc_ebn0_least_db(self, station: int, range_m: float) -> float:
        """Eb/N0 on board at a distance where satellite and station stand worst to each other."""
        return self.tc_ebn0_db(station, range_m, 0.0, 0.0)


def free_space_loss_db(range_m: float, frequency_hz: float) -> float:
    """(4 pi range / wavelength) squared, ITU-R P.525."""
    return 20.0 * math.log10(4.0 * math.pi * range_m * frequency_hz / SPEED_OF_LIGHT_M_S)


def ebn0_db(channel: Channel, range_m: float, sine: float, zenith_db: float) -> float:
    """Eb/N0 of a channel without the patch's gain."""
    return (
        channel.eirp_dbw
        - free_space_loss_db(range_m, channel.frequency_hz)
        - zenith_db / max(sine, SINE_LEAST)
        - channel.losses_db
        + channel.g_t_db_k
        - BOLTZMANN_DBW_K_HZ
        - 10.0 * math.log10(channel.rate_bit_s)
    )


def bit_error_rate(channel: Channel, ebn0: float) -> float:
    """The share of bits that are wrong after decoding."""
    effective_db = ebn0 - channel.implementation_db + channel.code_gain_db
    return 0.5 * math.erfc(math.sqrt(10.0 ** (min(effective_db, 60.0) / 10.0)))


def doppler_hz(range_rate_m_s: float, frequency_hz: float) -> float:
    """Shift of a carrier that travels one way; positive while the range shrinks."""
    return -range_rate_m_s / SPEED_OF_LIGHT_M_S * frequency_hz
