"""Comparison of our clock with that of a server, from the Date of its response."""

from datetime import datetime
from email.utils import parsedate_to_datetime

from onecopy.doctor.finding import Finding, advice, fine, wrong

_MAX_SKEW_SECONDS = 300
"""Clock difference up to which all known services accept signed requests."""
_NOTICEABLE_SECONDS = 60


def examine_clock(date: str | None, now: datetime) -> Finding:
    """Compare the clocks; `date` is the header (RFC 9110, 6.6.1), `now` has a time zone."""
    try:
        server = parsedate_to_datetime(date or "")
        skew = round((now - server).total_seconds())
    except (TypeError, ValueError):
        return fine("clock", "the response has no Date to compare the clock with")
    apart = f"this machine's clock is {abs(skew)} seconds {'ahead of' if skew > 0 else 'behind'}"
    fix = "set the clock of this machine by NTP: timedatectl set-ntp true"
    if abs(skew) > _MAX_SKEW_SECONDS:
        return wrong("clock", f"{apart} the server's: signed requests are refused", fix)
    if abs(skew) > _NOTICEABLE_SECONDS:
        return advice("clock", f"{apart} the server's", fix)
    return fine("clock", "the clocks differ by less than a minute")
