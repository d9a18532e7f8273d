"""A simulated TWS on loopback: the socket protocol in front of a simulated desk."""

from possync_tui.demo.background import Background
from possync_tui.demo.clock import Clock, ManualClock, SystemClock
from possync_tui.demo.default_desk import default_desk
from possync_tui.demo.desk import Desk
from possync_tui.demo.faults import HOSTILE_TEXTS, Fault, FaultField, FaultKind
from possync_tui.demo.gateway import DemoGateway, NotLoopbackError
from possync_tui.demo.instruments import Instrument
from possync_tui.demo.options import BackgroundOptions, GatewayOptions
from possync_tui.demo.probe import Probe
from possync_tui.demo.records import AccountSetup, DeskError, Execution, Position, Side
from possync_tui.demo.scenario import Step, build_scenario, load_scenario, run_timeline
from possync_tui.demo.serving import follow, prepare, serve
from possync_tui.demo.tables import ScenarioError
from possync_tui.demo.wire import TimeForm

__all__ = [
    "HOSTILE_TEXTS",
    "AccountSetup",
    "Background",
    "BackgroundOptions",
    "Clock",
    "DemoGateway",
    "Desk",
    "DeskError",
    "Execution",
    "Fault",
    "FaultField",
    "FaultKind",
    "GatewayOptions",
    "Instrument",
    "ManualClock",
    "NotLoopbackError",
    "Position",
    "Probe",
    "ScenarioError",
    "Side",
    "Step",
    "SystemClock",
    "TimeForm",
    "build_scenario",
    "default_desk",
    "follow",
    "load_scenario",
    "prepare",
    "run_timeline",
    "serve",
]
