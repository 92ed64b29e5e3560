/**
 * The systemd unit of an agent (systemd.service(5), systemd.exec(5)): restarted when it does not get on, and shut in as
 * far as a program can be that reads serial ports and talks to one hub. Pure.
 */

/** What a unit is made for. Paths are absolute. */
export interface UnitPlan {
  readonly device: string;
  /** The command and its arguments. */
  readonly command: readonly string[];
  /** Name or number of the user that owns the key. */
  readonly user: string;
  readonly dataFolder: string;
  /** Age at which packs are closed. */
  readonly packSeconds: number;
  readonly memoryMaxMebibytes: number;
  /** Each has programs of its own. */
  readonly cameras?: number;
}

const STATE_ROOT = "/var/lib/";
const WATCHDOG_SECONDS_MIN = 900;
/** A pack takes its age, the hub's acknowledgement, and a reconnection. */
const WATCHDOG_PACKS = 3;
const TASKS = 64;
/** A recorder, and a preview with its transcoder: threads of three programs. */
const TASKS_OF_CAMERA = 48;

/** The unit's name, without its folder. */
export function unitName(device: string): string {
  return `kerbstone-edge-${device}.service`;
}

/** Formats the unit. */
export function formatUnit(plan: UnitPlan): string {
  const { device, command, user, memoryMaxMebibytes } = plan;
  const watchdogSeconds = Math.max(
    WATCHDOG_SECONDS_MIN,
    Math.ceil(WATCHDOG_PACKS * plan.packSeconds),
  );
  return `[Unit]
Description=Kerbstone edge agent ${device}
# Not network-online: sensors are read whether there is a network or not.
After=network.target time-sync.target
StartLimitIntervalSec=0

[Service]
Type=notify
# systemd-notify, a child of the agent, speaks for it.
NotifyAccess=all
ExecStart=${command.map(escapeWord).join(" ")}
User=${escapeSpecifiers(user)}
SupplementaryGroups=dialout
${dataLine(plan.dataFolder)}
UMask=0077
Restart=always
RestartSec=5
# Fed when the hub has acknowledged more than before. SIGTERM: what was read is signed first.
WatchdogSec=${watchdogSeconds}
WatchdogSignal=SIGTERM
TimeoutStartSec=120
TimeoutStopSec=30
MemoryMax=${memoryMaxMebibytes}M
TasksMax=${TASKS + TASKS_OF_CAMERA * (plan.cameras ?? 0)}
LogRateLimitIntervalSec=30
LogRateLimitBurst=500
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
DevicePolicy=closed
DeviceAllow=char-ttyUSB rw
DeviceAllow=char-ttyACM rw
DeviceAllow=char-ttyAMA rw
DeviceAllow=char-ttyS rw
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;
}

/** What may be written: below /var/lib systemd makes the folder and gives it to the user. */
function dataLine(folder: string): string {
  if (!folder.startsWith(STATE_ROOT)) return `ReadWritePaths=${escapePath(folder)}`;
  return `StateDirectory=${escapePath(folder.slice(STATE_ROOT.length))}\nStateDirectoryMode=0700`;
}

function escapeSpecifiers(text: string): string {
  return text.replaceAll("%", "%%");
}

function escapePath(path: string): string {
  const escaped = escapeSpecifiers(path.replaceAll("\\", "\\\\"));
  return /[\s"']/.test(escaped) ? `"${escaped.replaceAll('"', '\\"')}"` : escaped;
}

/** A word of a command line, in which `$` stands for variables as well. */
function escapeWord(word: string): string {
  return escapePath(word).replaceAll("$", "$$$$");
}
