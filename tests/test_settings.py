"""Where settings come from, which wins, and what a wrong one says."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from possync_tui import paths, settings
from possync_tui.domain.position import CostMethod
from possync_tui.settings import Given, SettingsError, models, plain
from possync_tui.sync.policy import SyncPolicy


@pytest.fixture(autouse=True)
def _quiet_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` file of the developer's own is found."""
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


def refused(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings.load(environ=environ)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_defaults_are_those_of_the_contract() -> None:
    loaded = settings.load(environ={})
    assert loaded.to_policy() == SyncPolicy()
    assert (loaded.ibkr.host, loaded.ibkr.port, loaded.ibkr.client_id) == ("127.0.0.1", 7497, None)
    assert loaded.possync.ledger == paths.default_ledger()
    assert loaded.possync.exports == paths.state_folder() / "exports"
    assert loaded.env_file is None


def test_every_value_reaches_the_policy() -> None:
    loaded = settings.load(
        environ={
            "POSITION_SYNC_ENABLED": "false",
            "POSITION_SYNC_SYNC_INTERVAL": "60",
            "POSITION_SYNC_SYNC_ON_TRADE": "0",
            "POSITION_SYNC_SYNC_ON_POSITION_UPDATE": "no",
            "POSITION_SYNC_MARK_MISSING_AS_CLOSED": "yes",
            "POSITION_SYNC_CALCULATE_REALIZED_PNL": "off",
            "POSITION_SYNC_DEFAULT_ACCOUNT_ID": "3",
            "POSITION_SYNC_INITIAL_DELAY": "0",
            "POSITION_SYNC_TIMEOUT": "12.5",
            "POSITION_SYNC_DEBOUNCE": "0.25",
            "POSITION_SYNC_MISSING_CONFIRMATIONS": "4",
            "POSITION_SYNC_COST_METHOD": "FIFO",
            "IBKR_ACCOUNTS": " u0000002, U0000001,,U0000002 ",
        }
    )
    assert loaded.to_policy() == SyncPolicy(
        enabled=False,
        sync_interval=60,
        sync_on_trade=False,
        sync_on_position_update=False,
        mark_missing_as_closed=True,
        calculate_realized_pnl=False,
        default_account_id=3,
        initial_delay=0.0,
        timeout=12.5,
        debounce=0.25,
        missing_confirmations=4,
        cost_method=CostMethod.FIFO,
        accounts=("U0000002", "U0000001"),
    )


def test_keys_are_pairs_whose_names_the_dashboard_judges() -> None:
    loaded = settings.load(environ={"POSSYNC_KEYS": " Sync = F5 ,,quit=ctrl+q, zoom=="})
    assert loaded.possync.keys == (("sync", "F5"), ("quit", "ctrl+q"), ("zoom", "="))


def test_options_override_environment_which_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text("IBKR_PORT=4001\nIBKR_HOST=from-file\nPOSSYNC_THEME=from-file\n")
    loaded = settings.load(
        {"IBKR_PORT": Given("4003", "option --port")},
        environ={"IBKR_PORT": "4002", "IBKR_HOST": "from-environment"},
        env_file=file,
    )
    assert loaded.ibkr.port == 4003
    assert loaded.ibkr.host == "from-environment"
    assert loaded.possync.theme == "from-file"
    assert loaded.env_file == file


def test_an_empty_value_is_the_default_and_hides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text("IBKR_PORT=4001\nIBKR_ACCOUNTS=U0000002\n")
    loaded = settings.load(environ={"IBKR_PORT": "", "IBKR_ACCOUNTS": " "}, env_file=file)
    assert loaded.ibkr.port == 7497
    assert loaded.ibkr.accounts == ()


def test_the_file_here_comes_before_the_one_of_the_user(tmp_path: Path) -> None:
    users = paths.user_env_file()
    users.parent.mkdir(parents=True)
    users.write_text("IBKR_PORT=4001\n")
    assert settings.load(environ={}).ibkr.port == 4001
    here = tmp_path / ".env"
    here.write_text("IBKR_PORT=4002\n")
    assert settings.load(environ={}).ibkr.port == 4002
    here.write_text("DATABASE_URL=postgres://secret\n")
    assert settings.load(environ={}).ibkr.port == 4001, "another program's .env hides nothing"


def test_other_programs_keys_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "TWS_PASSWORD=secret\nthis is no statement\nIBKR_PORT=4002\nPOSSYNC=1\n"
    )
    loaded = settings.load(environ={"IBKRX": "1", "POSITION_SYNCER": "2", "PATH": "/bin"})
    assert loaded.ibkr.port == 4002


def test_file_syntax(tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_bytes(
        b"\xef\xbb\xbf# a comment\r\nexport IBKR_HOST='tws.local'\r\n"
        b'POSSYNC_THEME="possync-day" # why not\r\nFOLDER=/ledgers\r\n'
        b"POSSYNC_LEDGER=${FOLDER}/mine.sqlite3\r\nIBKR_PORT=2\r\n"
    )
    loaded = settings.load(environ={}, env_file=file)
    assert loaded.ibkr.host == "tws.local"
    assert loaded.possync.theme == "possync-day"
    assert loaded.possync.ledger == Path("/ledgers/mine.sqlite3")
    assert loaded.ibkr.port == 2


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("IBKR_PORT", "99999", "a whole number from 1 to 65535"),
        ("IBKR_PORT", "0", "a whole number from 1 to 65535"),
        ("IBKR_PORT", "74.97", "a whole number from 1 to 65535"),
        ("IBKR_HOST", "two words", "a host name or an IP address"),
        ("IBKR_CLIENT_ID", "-1", "a whole number from 0 to 2147483647, or empty"),
        ("IBKR_ACCOUNTS", "U1;U2", "account codes separated by commas"),
        ("IBKR_TIMEZONE", "Mars/Olympus", "a name of the tz database"),
        ("IBKR_TIMEZONE", "../zones", "a name of the tz database"),
        ("POSITION_SYNC_SYNC_INTERVAL", "9", "a whole number of seconds from 10 to 604800"),
        ("POSITION_SYNC_SYNC_INTERVAL", "soon", "a whole number of seconds from 10"),
        ("POSITION_SYNC_ENABLED", "maybe", "true or false"),
        ("POSITION_SYNC_TIMEOUT", "nan", "a number of seconds from 1 to 600"),
        ("POSITION_SYNC_TIMEOUT", "inf", "a number of seconds from 1 to 600"),
        ("POSITION_SYNC_MISSING_CONFIRMATIONS", "1", "a whole number from 2 to 1000"),
        ("POSITION_SYNC_COST_METHOD", "lifo", "average or fifo"),
        ("POSSYNC_LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING or ERROR"),
        ("POSSYNC_LEDGER", "~no-such-user-at-all/x", "the path of a file"),
        ("POSSYNC_EXPORTS", "~no-such-user-at-all/x", "the path of a folder"),
        ("POSSYNC_THEME", "[red]", "the name of a theme"),
        ("POSSYNC_KEYS", "sync", "NAME=KEY pairs separated by commas"),
        ("POSSYNC_KEYS", "sync=,quit=x", "NAME=KEY pairs separated by commas"),
        ("POSSYNC_KEYS", "=f5", "NAME=KEY pairs separated by commas"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(key: str, value: str, allowed: str) -> None:
    message = refused(**{key: value})
    assert message.startswith(f"{key}={value} (environment variable)")
    assert allowed in message


def test_a_wrong_value_in_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text("# first\n\n\nIBKR_HOST=a\n\n# more\nIBKR_PORT=abc\n")
    with pytest.raises(SettingsError, match=rf"^IBKR_PORT=abc \({file}:7\) is not allowed"):
        settings.load(environ={}, env_file=file)


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^IBKR_PORT=abc \(option --port\)"):
        settings.load({"IBKR_PORT": Given("abc", "option --port")}, environ={})


def test_control_characters_of_a_value_stay_out_of_the_message() -> None:
    message = refused(IBKR_HOST="\x1b[2J\nsecond line\u202e")
    assert message.isprintable()


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("POSITION_SYNC_INTERVAL", "POSITION_SYNC_SYNC_INTERVAL"),
        ("POSITION_SYNC_ON_TRADE", "POSITION_SYNC_SYNC_ON_TRADE"),
        ("IBKR_CLIENTID", "IBKR_CLIENT_ID"),
        ("POSSYNC_LEDGER_PATH", "POSSYNC_LEDGER"),
        ("position_sync_intervall", "POSITION_SYNC_SYNC_INTERVAL"),
    ],
)
def test_an_unknown_key_of_ours_is_an_error(key: str, nearest: str) -> None:
    message = refused(**{key: "5"})
    assert message == f"{key} (environment variable) is not a setting; did you mean {nearest}?"


def test_an_unknown_key_in_a_file_is_named_with_its_line_but_not_its_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nIBKR_PASSWORD=hunter2\n")
    with pytest.raises(SettingsError) as caught:
        settings.load(environ={})
    assert str(caught.value).startswith("IBKR_PASSWORD (.env:2) is not a setting")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("line", ["IBKR_PORT 4001", "IBKR_PORT='4001"])
def test_a_line_of_ours_that_cannot_be_read(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"A=1\n{line}\n")
    with pytest.raises(SettingsError, match=r"\.env:2"):
        settings.load(environ={})


@pytest.mark.parametrize("line", ["IBKR_PORT", "export IBKR_PORT"])
def test_a_key_of_ours_without_a_value_is_no_default(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"OTHER\n{line}\n")
    with pytest.raises(SettingsError, match=r"\.env:2: IBKR_PORT has no ="):
        settings.load(environ={})


@pytest.mark.parametrize("second", ["IBKR_PORT", "ibkr_port"])
def test_a_key_of_ours_is_given_once(tmp_path: Path, second: str) -> None:
    (tmp_path / ".env").write_text(f"A=1\nA=2\nIBKR_PORT=4001\n\n{second}=4002\n")
    with pytest.raises(SettingsError, match=rf"\.env:5: {second} is in line 3 already"):
        settings.load(environ={})


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8"])
def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path, encoding: str) -> None:
    """As Notepad and PowerShell write it."""
    text = "\ufeffIBKR_PORT=4001\r\nIBKR_HOST=tws.example\r\n"
    (tmp_path / ".env").write_bytes(text.encode(encoding))
    read = settings.load(environ={})
    assert (read.ibkr.port, read.ibkr.host) == (4001, "tws.example")


def test_an_env_file_that_is_asked_for_has_to_be_readable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.env: cannot be read: No such file"):
        settings.load(environ={}, env_file=tmp_path / "none.env")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        settings.load(environ={}, env_file=tmp_path)


def test_keys_count_in_any_case() -> None:
    assert settings.load(environ={"ibkr_port": "4001"}).ibkr.port == 4001


def test_defaults_of_the_description_are_the_real_ones() -> None:
    given = {item.key: Given(item.default, "here") for item in settings.described()}
    assert replace(settings.load(given, environ={}), given=frozenset()) == settings.load(environ={})


# --- the short way past pydantic ------------------------------------------------------------------

_WORDS = (
    *("0", "1", "2", "007", "+5", "-1", "9", "10", "10.5", "1e2", "1_0", ".5", "5.", "0.25", "nan"),
    *("60", "61", "120", "600", "600.0", "601", "1000", "1001", "65535", "65536", "86400", "86401"),
    *("604800", "604801", "2147483647", "2147483648", "99999999999", "inf", "٣", "1\u00a0", "１"),
    *("true", "FALSE", "yes", "No", "on", "oFF", "t", "f", "y", "maybe", "average", "FIFO", "lifo"),
    *("debug", "Warning", "LOUD", "tws.local", "::1", "a_b", "two words", "\u212aelvin", "-x"),
    *("possync-day", "_x", "[red]", "U1", "u1, U2,,u1", "U1;U2", ",", "ſ1", "sync=f5", "=f5"),
    *(" Sync = F5 ,,quit=ctrl+q", "sync", "zoom==", "~/x", "~nobody-at-all/x", "x\0y", "", "./a b"),
    *("Asia/Tokyo", "asia/tokyo", "Mars/Olympus", "../x", "UTC"),
)


def _by_pydantic(key: str, text: str) -> object:
    groups = models.read({key: Given(text, "here")} if text.strip() else {})
    prefix = next(prefix for prefix in settings.PREFIXES if key.startswith(prefix))
    return getattr(groups[settings.PREFIXES.index(prefix)], key.removeprefix(prefix).lower())


def _agree(key: str, text: str) -> bool:
    """Whether the short way was taken; then pydantic has to come to the same."""
    groups = plain.read({key: Given(text, "here")} if text.strip() else {})
    if groups is None:
        return False
    prefix = next(prefix for prefix in settings.PREFIXES if key.startswith(prefix))
    name = key.removeprefix(prefix).lower()
    value = getattr(groups[settings.PREFIXES.index(prefix)], name)
    theirs = _by_pydantic(key, text)
    assert value == theirs, (key, text)
    assert type(value) is type(theirs) or isinstance(value, int | float), (key, text)
    return True


def test_the_short_way_knows_every_setting() -> None:
    assert list(plain.READERS) == [item.key for item in settings.described()]
    assert plain.read({}) == models.read({})


@pytest.mark.parametrize("key", plain.READERS)
def test_the_short_way_agrees_with_pydantic(key: str) -> None:
    taken = {text for text in _WORDS if _agree(key, text)}
    assert taken > {""}, "it is never taken"


@given(key=st.sampled_from(list(plain.READERS)), text=st.text(max_size=12))
@hypothesis_settings(max_examples=400, deadline=None)
def test_the_short_way_agrees_with_pydantic_on_any_text(key: str, text: str) -> None:
    _agree(key, text)


def test_plain_values_are_read_without_pydantic(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: object) -> None:
        raise AssertionError("pydantic was asked")

    monkeypatch.setattr(models, "read", never)
    loaded = settings.load(
        environ={
            "IBKR_PORT": "4002",
            "POSITION_SYNC_TIMEOUT": "12.5",
            "POSSYNC_LEDGER": "/a/b",
            "POSSYNC_EXPORTS": "/a/c",
        }
    )
    assert (loaded.ibkr.port, loaded.position_sync.timeout) == (4002, 12.5)
    assert (loaded.possync.ledger, loaded.possync.exports) == (Path("/a/b"), Path("/a/c"))
