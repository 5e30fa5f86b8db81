"""The limits that apply unless the settings state others."""

from math import isinf

from onecopy.confirming.budget import Limits
from onecopy.settings import Settings
from onecopy.store.interface import Store
from onecopy.store.ranges import Remote

_REMOTE = Limits(rate=20_000_000, tenant_rate=20_000_000, daily=10**10, tenant_daily=5 * 10**9)
"""For a bucket that is not in our region: AWS charges $0.09 per GB, so at most $0.90 a day."""


def limits_for(settings: Settings, store: Store) -> Limits:
    """Return the limits of the settings, or else those for the place of the store.

    Unlimited for a folder, and for a bucket in the AWS region in which this process runs.
    """
    is_near = not isinstance(store, Remote) or (store.region or "") == settings.region
    default = Limits() if is_near else _REMOTE
    return Limits(
        _limit(settings.confirm_rate, default.rate),
        _limit(settings.confirm_tenant_rate, default.tenant_rate),
        _limit(settings.confirm_daily, default.daily),
        _limit(settings.confirm_tenant_daily, default.tenant_daily),
        settings.confirm_retrieval,
    )


def _limit(setting: float | None, default: int | None) -> int | None:
    if setting is None:
        return default
    return None if isinf(setting) else int(setting)
