"""
Receives each connection of a switch: its call is served, given back, or no call at all, and in the end logged.

Whatever fails in a call stays in it.
"""

from __future__ import annotations

import contextlib
import logging

from esl_huntgroup import __version__
from esl_huntgroup.calls import call_records
from esl_huntgroup.calls.context import CallContext
from esl_huntgroup.calls.controller import CallController
from esl_huntgroup.calls.hunt import Hunt
from esl_huntgroup.calls.inbound_call import InboundCall, read_inbound_call
from esl_huntgroup.calls.peers import SECRET_VARIABLE, knows_secret
from esl_huntgroup.calls.pickup import WANTED
from esl_huntgroup.calls.pickup_call import serve_pickup
from esl_huntgroup.errors import OnlyAsked, SwitchError, SwitchGone
from esl_huntgroup.esl.session import CallSession

log = logging.getLogger(__name__)


def serve(session: CallSession, ctx: CallContext) -> None:
    """
    Serve one call from ``connect`` to the end, and close its socket.

    A fault of the other side ends this call with one warning, a fault of ours with a traceback; in both cases the
    caller is served by the dialplan. Nothing is raised.
    """
    try:
        answer = session.connect(ctx.reply_timeout_s)
        inbound = read_inbound_call(answer.reader(), ctx.default_domain)
        wanted = answer.get(f"variable_{WANTED}") or ""
        is_trusted = knows_secret(ctx.secret, answer.get(f"variable_{SECRET_VARIABLE}"))
        session.session_data = None  # 5 kB that nobody needs any more
        del answer
    except SwitchError as error:
        _end_without_call(session, error, ctx)
        return
    if not is_trusted:
        ctx.meter.count("wrong_secrets")
        log.warning("a call is given back, it does not bring the right %s: peer=%s", SECRET_VARIABLE, _peer(session))
        _give_back(session, inbound, ctx)
        return
    if wanted:
        serve_pickup(session, inbound, wanted, ctx)
        return
    hunt = ctx.new_hunt(inbound)
    call = CallController(session, inbound, hunt, ctx)
    try:
        with ctx.meter.call(hunt):
            _run(call, hunt)
    finally:
        session.stop()
        fields = _summary(hunt)
        log.info("%s", call_records.log_line(fields), extra={"fields": fields})


def _run(call: CallController, hunt: Hunt) -> None:
    try:
        call.run()
    except Exception:
        log.exception("a fault of this program call=%s channel=%s", hunt.call_id, hunt.inbound.channel_uuid)
        _fail(call)


def _fail(call: CallController) -> None:
    try:
        call.fail()
    except Exception:
        log.exception("a second fault; the call is left to the switch")


def refuse(session: CallSession, ctx: CallContext) -> None:
    """
    Give a call back to the dialplan at once: there are too many. Nothing is raised.

    Closing the socket would park the caller for ever, so control is taken properly and then given up.
    """
    try:
        inbound = read_inbound_call(session.connect(ctx.reply_timeout_s).reader(), ctx.default_domain)
    except SwitchError as error:
        _end_without_call(session, error, ctx)
    else:
        _give_back(session, inbound, ctx)


def _end_without_call(session: CallSession, error: SwitchError, ctx: CallContext) -> None:
    """Close a connection on which there was no call. Nothing is raised."""
    log.log(_weight(session, error), "no call from %s: %s", _peer(session), error)
    if isinstance(error, OnlyAsked):
        with contextlib.suppress(SwitchError):
            session.tell_version(__version__, ctx.reply_timeout_s)
    session.stop()


def _give_back(session: CallSession, inbound: InboundCall, ctx: CallContext) -> None:
    """Return a call to the dialplan that is not served, and close its socket. Nothing is raised."""
    try:
        CallController(session, inbound, ctx.new_hunt(inbound), ctx).give_back()
    except SwitchError as error:
        log.warning("a call that was refused: %s peer=%s", error, _peer(session))
    except Exception:
        log.exception("a fault of this program while a call was refused")
    finally:
        session.stop()


def _summary(hunt: Hunt) -> dict[str, str | int | float]:
    arrived_at_ms = hunt.inbound.arrived_at_ms
    ended_at_ms = hunt.ended_at_ms or arrived_at_ms
    return call_records.log_fields(
        hunt.call_id,
        hunt.inbound,
        group=hunt.group,
        outcome=hunt.outcome,
        answered_by=hunt.answered_by,
        legs=len(hunt.plan.legs),
        wait_ms=max((hunt.answered_at_ms or ended_at_ms) - arrived_at_ms, 0),
        talk_ms=max(ended_at_ms - hunt.answered_at_ms, 0) if hunt.answered_at_ms else 0,
        overflow=hunt.overflow,
    )


def _weight(session: CallSession, error: SwitchError) -> int:
    """Return the level for the end before any call: ``check`` and load balancers connect and leave without a word."""
    has_only_looked = isinstance(error, OnlyAsked) or (isinstance(error, SwitchGone) and not session.has_heard)
    return logging.DEBUG if has_only_looked else logging.WARNING


def _peer(session: CallSession) -> str:
    address = session.client_address
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) and len(address) >= 2 else "a local socket"
