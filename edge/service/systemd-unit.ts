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
  /** The group that may use serial ports; `undefined` where the machine has none. */
  readonly portGroup: string | undefined;
  readonly dataFolder: string;
  /** As watchdog.ts has it. */
  readonly watchdogSeconds: number;
  readonly memoryMaxMebibytes: number;
  /** Each has programs of its own. */
  readonly cameras?: number;
}

const STATE_ROOT = "/var/lib/";
const TASKS = 64;
/** A recorder, and a preview with its transcoder: threads of three programs. */
const TASKS_OF_CAMERA = 48;

/** The unit's name, without its folder. */
export function unitName(device: string): string {
  return `kerbstone-edge-${device}.service`;
}

/** Formats the unit. */
export function formatUnit(plan: UnitPlan): string {
  const { device, command, user, memoryMaxMebibytes, watchdogSeconds } = plan;
  return `[Unit]
Description=Kerbstone edge agent ${device}
# Not network-online: sensors are read whether there is a network or not.
After=network.target time-sync.target
# Devices are allowed by drivers that are there when this starts: adapters may be plugged in later.
Wants=modprobe@usbserial.service modprobe@cdc_acm.service
After=modprobe@usbserial.service modprobe@cdc_acm.service
StartLimitIntervalSec=0

[Service]
Type=notify
# systemd-notify, a child of the agent, speaks for it.
NotifyAccess=all
ExecStart=${command.map(escapeWord).join(" ")}
User=${escapeSpecifiers(user)}
${[...groupLines(plan.portGroup), dataLine(plan.dataFolder)].join("\n")}
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
# All serial ports, whatever their driver is called: ttyUSB, ttyACM, ttyAMA, ttyS, ttySC, ttymxc …
DeviceAllow=char-tty[A-Za-z]* rw
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

/** A group that is not there would keep the unit from starting. */
function groupLines(group: string | undefined): string[] {
  return group === undefined ? [] : [`SupplementaryGroups=${group}`];
}

/**
 * What may be written: below /var/lib systemd makes the folder and gives it to the user. There a colon begins a link's
 * name, and quotes cannot be written, so that other names are written as elsewhere.
 */
function dataLine(folder: string): string {
  if (!folder.startsWith(STATE_ROOT) || /[:\s\\"']/.test(folder))
    return `ReadWritePaths=${escapePath(folder)}`;
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
