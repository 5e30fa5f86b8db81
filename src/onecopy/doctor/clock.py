"""How far our clock is from that of another machine, by the Date of its answer."""

from datetime import datetime
from email.utils import parsedate_to_datetime

from onecopy.doctor.finding import Finding, advice, fine, wrong

_SIGNATURES = 300
"""Seconds by which clocks may differ for signed requests to be taken by all that we know."""
_NOTICEABLE = 60


def examine_clock(date: str | None, now: datetime) -> Finding:
    """Say how far apart the clocks are; `date` is the header (RFC 9110, 6.6.1), `now` is aware."""
    try:
        theirs = parsedate_to_datetime(date or "")
        skew = round((now - theirs).total_seconds())
    except (TypeError, ValueError):
        return fine("clock", "the answer has no time to compare ours with")
    apart = f"this machine's clock is {abs(skew)} seconds {'ahead of' if skew > 0 else 'behind'}"
    mend = "set the clock of this machine by NTP: timedatectl set-ntp true"
    if abs(skew) > _SIGNATURES:
        return wrong("clock", f"{apart} the other side's: signed requests are refused", mend)
    if abs(skew) > _NOTICEABLE:
        return advice("clock", f"{apart} the other side's", mend)
    return fine("clock", "the clocks agree to a minute")
