"""Turns failed calls to Slack into creditbot's errors.

A failed read becomes `Unreachable` or `Refused`. A failed write becomes `PostRefused` only if Slack's error code is in
the lists below, or if nothing was sent. Anything else may have been accepted, and becomes `PostUnknown`. The codes come
from the reference pages of Slack's methods.
"""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass

from creditbot.adapters.slack.wire import NOT_JSON, TOO_LARGE
from creditbot.errors import SLACK, CardRefused, PostRefused, PostUnknown, Refused, ServiceError, Unreachable

LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
"""Too much at once; the same call is accepted later."""
_AMBIGUOUS = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})
_TOKEN = "Copy the app's Bot User OAuth Token into SLACK_BOT_TOKEN again; reinstall the app if it has none."  # noqa: S105
_ADMIN = "Ask an administrator of the workspace to allow the app again."
_CHANNEL = "Check SLACK_TEST_CHANNEL or SLACK_CHANNELS, and invite the bot to the channel: /invite @NAME."
_OWNER = "Correct the member ID in SLACK_USER_ID, APPROVERS or CHANNELS_FILE: Slack shows it in the person's profile."

FIXABLE = {
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "account_inactive": _TOKEN,
    "token_revoked": _TOKEN,
    "token_expired": _TOKEN,
    "not_allowed_token_type": "Use a bot token (xoxb-...) in SLACK_BOT_TOKEN.",
    "no_permission": _ADMIN,
    "access_denied": _ADMIN,
    "accesslimited": _ADMIN,
    "app_access_restricted": _ADMIN,
    "ekm_access_denied": _ADMIN,
    "enterprise_is_restricted": _ADMIN,
    "org_login_required": _ADMIN,
    "team_access_not_granted": _ADMIN,
    "two_factor_setup_required": _ADMIN,
    "missing_scope": "Add the scope to the app under OAuth & Permissions, and reinstall the app.",
    "channel_not_found": _CHANNEL,
    "not_in_channel": _CHANNEL,
    "channel_is_limited_access": _CHANNEL,
    "restricted_action": "Allow the bot to post in the channel's settings.",
    "restricted_action_read_only_channel": "Allow the bot to post in the channel's settings.",
    "restricted_action_non_threadable_channel": "Allow threads in the channel's settings.",
    "restricted_action_thread_only_channel": "Allow the bot to post in the channel's settings.",
    "messages_tab_disabled": "Allow messages under App Home in the app's settings.",
    "user_not_found": _OWNER,
    "user_not_visible": _OWNER,
    "user_disabled": _OWNER,
}
"""Refusals that a person can end, with what to do; the same call is accepted then."""

_CARD = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
"""Refusals of a post's blocks; without them the post may be accepted."""

FINAL = frozenset({
    "is_archived", "is_inactive", "msg_too_long", "no_text", "thread_not_found", "message_not_found",
    "cannot_reply_to_message",
    "restricted_action_thread_locked", "cant_update_message", "edit_window_closed", "external_channel_migrating",
    "invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large", "metadata_must_be_sent_from_app",
    "as_user_not_supported", "team_not_found", "invalid_arguments", "invalid_arg_name", "invalid_array_arg",
    "invalid_charset", "invalid_form_data", "invalid_json", "json_not_object", "invalid_post_type",
    "missing_post_type", "missing_argument", "method_deprecated", "deprecated_endpoint", "unknown_method",
    "method_not_supported_for_channel_type", "invalid_user_combination", "not_enough_users", "too_many_users",
    "users_list_not_supplied",
    # What Slack documents for posts with drafts, files, attachments or Markdown. Ours have none, but the codes are
    # as definite as the others.
    "attachment_payload_limit_exceeded", "block_mismatch", "blocked_file_type", "cant_broadcast_message",
    "draft_already_deleted", "draft_already_sent", "draft_has_conflict", "draft_not_found",
    "duplicate_channel_not_found", "duplicate_message_not_found", "file_deleted", "file_is_deleted", "file_not_found",
    "file_share_limit_reached", "invalid_attachments", "markdown_text_conflict", "max_file_sharing_exceeded",
    "missing_file_data", "no_dual_broadcast_content_update", "posting_to_channel_denied", "send_on_behalf_not_allowed",
    "slack_connect_blocked_file_type", "slack_connect_canvas_sharing_blocked", "slack_connect_clip_sharing_blocked",
    "slack_connect_file_link_sharing_blocked", "slack_connect_file_upload_sharing_blocked",
    "slack_connect_lists_sharing_blocked", "streaming_state_conflict", "too_many_attachments", "too_many_contact_cards",
})  # fmt: skip
"""Refusals of a post that the same post will meet again."""


@dataclass(eq=False)
class CallFailed(Exception):
    """A call that brought no `ok: true`. Does not leave the adapter.

    Attributes:
        method: Slack's method.
        code: Slack's error code; NOT_JSON or TOO_LARGE; "" where there was no answer, or one in HTML.
        status: HTTP status, 0 where there was no answer.
        reason: why there was no answer, as the end of a sentence, or "".
        sent: whether a byte of the request may have left.
        unsafe: the other side of a TLS connection cannot be trusted.
        retry_after: seconds Slack asks to wait, or None.
        needed: the missing scope, or "".
        about: the channel or user it concerned, or "".
    """

    method: str
    code: str = ""
    _: KW_ONLY
    status: int = 0
    reason: str = ""
    sent: bool = True
    unsafe: bool = False
    retry_after: float | None = None
    needed: str = ""
    about: str = ""

    @property
    def limited(self) -> bool:
        """Whether Slack asks for fewer calls."""
        return self.status == 429 or self.code in LIMITED

    @property
    def passing(self) -> bool:
        """Whether the same call may go through a little later."""
        if self.status == 0:
            return not self.unsafe
        return self.limited or self.status >= 500 or (self.status == 200 and self.code in {*_AMBIGUOUS, NOT_JSON})

    @property
    def explanation(self) -> str:
        """What happened, as the end of a sentence."""
        if self.reason:
            return self.reason
        if self.limited:
            return "rate limited"
        if self.code == TOO_LARGE:
            return "its answer is too large"
        if self.code == NOT_JSON or not re.fullmatch(r"[a-z0-9_]{1,80}", self.code):
            return f"its answer cannot be read (HTTP status {self.status})"
        scope = f", the scope {self.needed}" if self.needed else ""
        return self.code + scope


def read_error(failed: CallFailed) -> ServiceError:
    """The error for a read that failed for good."""
    concerned = f" for {failed.about}" if failed.about else ""
    if failed.passing:
        what = f"Slack's {failed.method} failed{concerned}: {failed.explanation}."
        return Unreachable(SLACK, what, todo(failed), retry_after=failed.retry_after)
    what = f"Slack refuses {failed.method}{concerned}: {failed.explanation}."
    return Refused(SLACK, what, todo(failed))


def write_error(failed: CallFailed) -> PostRefused | PostUnknown:
    """The error for a write that brought no answer, or not the one hoped for."""
    if not failed.sent:
        what = f"Slack could not be reached, so nothing was posted: {failed.explanation}."
        return PostRefused(what, todo(failed), retry=True)
    if failed.limited:
        return rate_limited()
    if failed.status == 200 and failed.code in FIXABLE:
        return PostRefused(f"Slack refused the post: {failed.explanation}.", todo(failed), retry=True)
    if failed.status == 200 and failed.code in _CARD:
        return CardRefused(f"Slack refused the post: {failed.explanation}.")
    if failed.status == 200 and failed.code in FINAL:
        return PostRefused(f"Slack refused the post: {failed.explanation}.", retry=False)
    return PostUnknown(f"Slack may or may not have accepted a post: {failed.explanation}.")


def rate_limited() -> PostRefused:
    """The error for a post that Slack, or our own pace, does not let through now."""
    return PostRefused("Slack limits how often we may post.", retry=True)


def todo(failed: CallFailed) -> str:
    """What a person can do about it, one sentence or empty."""
    if failed.code in FIXABLE:
        return FIXABLE[failed.code]
    if failed.unsafe:
        return "Check SLACK_API_URL and HTTPS_PROXY; SSL_CERT_FILE names certificates to trust."
    if not failed.limited and failed.status != 200 and failed.status < 500:
        return "Check the network, SLACK_API_URL and HTTPS_PROXY."
    return ""
