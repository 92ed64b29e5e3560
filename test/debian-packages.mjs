/**
 * The Debian packages that some tests need: which are missing, and their installation where that is possible.
 *
 * Debian starts a service when it installs one; InfluxDB and Mosquitto would take their ports. While packages are
 * installed, a `policy-rc.d` forbids it; one that the machine already has is left as it is.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";

const POLICY = "/usr/sbin/policy-rc.d";
/** The answer of a policy that forbids an action. */
const FORBIDDEN = 101;

/** Each package with what shows that it is there, and what it is for. */
const PACKAGES = [
  { name: "influxdb", program: "influxd", purpose: "the mirror to InfluxDB" },
  { name: "mosquitto", program: "mosquitto", purpose: "another MQTT broker" },
  { name: "mosquitto-clients", program: "mosquitto_pub", purpose: "devices by any MQTT client" },
  { name: "openssl", program: "openssl", purpose: "a broker with a certificate" },
  { name: "socat", program: "socat", purpose: "serial lines" },
  { name: "ffmpeg", program: "ffmpeg", purpose: "cameras" },
  { name: "gcc-avr", program: "avr-gcc", purpose: "firmware for a simulated board" },
  { name: "avr-libc", file: "/usr/lib/avr/include/avr/io.h", purpose: "firmware" },
  { name: "binutils-avr", program: "avr-objcopy", purpose: "firmware" },
  { name: "make", program: "make", purpose: "firmware" },
  { name: "chromium", program: "chromium", purpose: "the web page in a browser" },
  { name: "python3-cbor2", module: "cbor2", purpose: "the independent auditor" },
  { name: "python3-cryptography", module: "cryptography", purpose: "the independent auditor" },
  { name: "python3-gi", module: "gi", purpose: "a camera" },
  {
    name: "gir1.2-gst-rtsp-server-1.0",
    module: "gi; gi.require_version('GstRtspServer', '1.0')",
    purpose: "a camera",
  },
  { name: "qemu-user", program: "qemu-aarch64", purpose: "the edge on 64-bit ARM" },
  {
    name: "libc6-arm64-cross",
    file: "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
    purpose: "the edge on 64-bit ARM",
  },
  {
    name: "libstdc++6-arm64-cross",
    file: "/usr/aarch64-linux-gnu/lib/libstdc++.so.6",
    purpose: "the edge on 64-bit ARM",
  },
];

/** The packages that are not there, as `{ name, purpose }`. */
export function missingPackages() {
  return PACKAGES.filter(({ program, module, file }) => {
    if (file !== undefined) return !existsSync(file);
    return program === undefined ? !hasModule(module) : !hasProgram(program);
  });
}

function hasProgram(name) {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/bin", "/usr/sbin"];
  return folders.some((folder) => existsSync(`${folder}/${name}`));
}

/** Asks Debian's own Python: another one on PATH does not see Debian's modules. */
function hasModule(name) {
  return spawnSync("/usr/bin/python3", ["-c", `import ${name}`]).status === 0;
}

/** Installs packages; gives the reason why that was not possible, or `undefined` when it was done. */
export function installPackages(names) {
  if (!existsSync("/usr/bin/apt-get")) return "there is no apt-get here";
  if (process.getuid?.() !== 0) return "only root may install packages";
  const ownPolicy = !existsSync(POLICY);
  if (!ownPolicy && spawnSync(POLICY, ["mosquitto", "start"]).status !== FORBIDDEN) {
    return `${POLICY} would let services start`;
  }
  if (ownPolicy) forbidServices();
  try {
    console.log(`Installing Debian packages: ${names.join(" ")} …`);
    aptGet(["update", "-q"]);
    const done = aptGet(["install", "-q", "-y", "--no-install-recommends", ...names]);
    return done ? undefined : "apt-get failed, see above";
  } finally {
    if (ownPolicy) rmSync(POLICY, { force: true });
  }
}

/** Writes a policy that forbids all services; gone with this process at the latest. */
function forbidServices() {
  process.once("exit", () => {
    rmSync(POLICY, { force: true });
  });
  writeFileSync(POLICY, `#!/bin/sh\nexit ${FORBIDDEN}\n`);
  chmodSync(POLICY, 0o755);
}

function aptGet(args) {
  const { status } = spawnSync("/usr/bin/apt-get", args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  return status === 0;
}
