-- Wireshark dissector of captures that bwc writes as pcapng (--capture X.pcapng): frames and opened messages.
-- From the declarations of the protocol by python -m tools.generate.dissector: not to be edited.
-- Copy it into Wireshark's folder of personal Lua plugins, or: tshark -X lua_script:bwc.lua -r X.pcapng

local frame_types = {[1] = "HELLO", [2] = "HELLO_ACK", [3] = "DATA", [4] = "ACK", [5] = "RESET", [6] = "PING", [7] = "PONG", [8] = "BYE"}
local reset_reasons = {[1] = "NORMAL", [2] = "UNDOCKED", [3] = "BUSY", [4] = "NO_DEVICE", [5] = "OVERFLOW", [6] = "TIMEOUT", [7] = "PROTOCOL", [8] = "ANSWER", [9] = "REFUSED", [10] = "NOT_ENROLLED"}
local bye_reasons = {[1] = "NORMAL", [2] = "BUSY", [3] = "UNKNOWN_LINK", [4] = "VERSION", [5] = "SILENT", [6] = "PROTOCOL"}
local error_codes = {[1] = "UNSUPPORTED", [2] = "MALFORMED", [3] = "NOT_PERMITTED", [4] = "NOT_READY", [5] = "BUSY", [6] = "NOT_FOUND", [7] = "CONFLICT", [8] = "OUT_OF_RANGE", [9] = "WRONG_STATE", [10] = "NEEDS_RECEIPT", [11] = "HELD", [12] = "UNKNOWN_SETTING", [13] = "WRONG_TYPE", [14] = "IMPLAUSIBLE", [15] = "STORAGE_FAULT", [16] = "FULL", [17] = "HASH_MISMATCH", [18] = "INTERNAL", [19] = "UNTRUSTED", [20] = "PURPOSE_REFUSED"}
local records = {}
records.SelfTestStep = {{"name", "text"}, {"result", "enum", names = {[0] = "passed", [1] = "failed", [2] = "skipped"}}, {"detail", "text"}}
records.SettingSchema = {{"key", "text"}, {"type", "enum", names = {[1] = "bool", [2] = "int", [3] = "choice", [4] = "text"}}, {"low", "i64"}, {"high", "i64"}, {"unit", "text"}, {"choices", "text"}, {"default_number", "i64"}, {"default_text", "text"}, {"takes_effect", "enum", names = {[1] = "at-once", [2] = "on-undock", [3] = "on-reboot"}}, {"doc", "text"}}
records.Setting = {{"key", "text"}, {"type", "enum", names = {[1] = "bool", [2] = "int", [3] = "choice", [4] = "text"}}, {"number", "i64"}, {"text", "text"}}
records.RecordingEntry = {{"recording", "bytes", size = 16}, {"sequence", "u32"}, {"started_utc_ns", "i64", unit = "ns"}, {"duration_ms", "u32", unit = "ms"}, {"size_bytes", "u64", unit = "byte"}, {"segments", "u16"}, {"trigger", "enum", names = {[1] = "officer-button", [2] = "remote", [3] = "signal-peer", [4] = "holster", [5] = "vehicle", [6] = "bench"}}, {"marks", "flags", names = {[1] = "marked", [2] = "held", [4] = "cut"}}, {"manifest_sha256", "bytes", size = 32}, {"annotations", "u32"}, {"category", "text"}, {"annotations_sha256", "bytes", size = 32, new = true}}
records.Annotation = {{"utc_ns", "i64", unit = "ns"}, {"kind", "enum", names = {[1] = "marked", [2] = "unmarked", [3] = "category", [4] = "held", [5] = "lifted", [6] = "assignment", [7] = "case", [8] = "reviewed"}}, {"actor", "text"}, {"text", "text"}, {"hold", "text", new = true}, {"case", "text", new = true}, {"authority", "text", new = true}}
records.KeptReceipt = {{"sha256", "bytes", size = 32}, {"destination", "text"}}
records.SignedTombstone = {{"document", "blob"}}
records.AuditEntry = {{"sequence", "u64"}, {"utc_ns", "i64", unit = "ns"}, {"boot_counter", "u32"}, {"kind", "enum", names = {[1] = "boot", [2] = "session-opened", [3] = "session-closed", [4] = "refused", [5] = "clock-set", [6] = "clock-lost", [7] = "config-applied", [8] = "recording-started", [9] = "recording-closed", [10] = "annotated", [11] = "offload-read", [12] = "erase-refused", [13] = "assigned", [14] = "assignment-cleared", [15] = "self-test", [16] = "reboot-requested", [17] = "storage-full", [18] = "pruned", [19] = "pairing-opened", [20] = "docked", [21] = "undocked", [22] = "bay-switched", [23] = "bay-alarm", [24] = "bay-released", [25] = "sessions-counted", [26] = "enrolment-opened", [27] = "enrolled", [28] = "renewed", [29] = "deny-list", [30] = "ordered", [31] = "desired-state", [32] = "handshake-failed", [33] = "reset", [34] = "receipt-kept", [35] = "erased", [36] = "erased-for-room", [37] = "seized", [38] = "opening-proved", [39] = "bench-used"}}, {"actor", "text"}, {"detail", "text"}, {"sha256", "bytes", size = 32}}
records.BayStatus = {{"bay", "u16"}, {"state", "enum", names = {[0] = "empty", [1] = "detected", [2] = "linked", [3] = "identified", [4] = "busy", [5] = "fault", [6] = "quarantine"}}, {"present", "bool"}, {"docking", "u32"}, {"power", "bool"}, {"data", "bool"}, {"charge", "enum", names = {[0] = "discharging", [1] = "charging", [2] = "full", [3] = "stopped-by-temperature", [4] = "fault", [5] = "idle"}}, {"charge_ma", "u16", unit = "mA"}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"led", "enum", names = {[0] = "off", [1] = "empty", [2] = "charging", [3] = "ready", [4] = "transferring", [5] = "attention", [6] = "quarantine", [7] = "identify", [8] = "take-me", [9] = "in-work", [10] = "needs-attention", [11] = "do-not-use"}}, {"alarms", "flags", names = {[1] = "over-temperature", [2] = "swelling"}}, {"incident", "u32"}, {"retry_after_ms", "u32", unit = "ms"}, {"label", "text"}, {"lease_s", "u16", unit = "s"}, {"verdict", "enum", names = {[0] = "none", [1] = "take-me", [2] = "busy", [3] = "needs-attention", [4] = "do-not-use"}, new = true}, {"verdict_lease_s", "u16", new = true, unit = "s"}, {"lock_s", "u16", new = true, unit = "s"}}
records.Fingerprint = {{"sha256", "bytes", size = 32}}
records.OpeningProof = {{"recipient", "bytes", size = 32}, {"utc_ns", "i64", unit = "ns"}, {"powered_min", "u32", unit = "min"}}
local commands = {
  [0x0101] = {name = "device.identify", request = {}, reply = {{"kind", "enum", names = {[1] = "host", [2] = "camera", [3] = "station"}}, {"manufacturer", "text"}, {"model", "text"}, {"serial", "text"}, {"hardware", "text"}, {"firmware", "text"}, {"firmware_sha256", "bytes", size = 32}, {"boot_counter", "u32"}, {"simulator", "bool"}}},
  [0x0102] = {name = "device.capabilities", request = {}, reply = {{"capabilities", "flags", names = {[1] = "serial", [2] = "usb-bulk", [4] = "ble", [8] = "config-upload", [16] = "stealth", [32] = "mute", [64] = "gnss", [128] = "bench", [256] = "bay-lights", [512] = "bay-locks", [1073741824] = "lab", [2147483648] = "simulator"}}, {"max_streams", "u8"}, {"max_requests", "u8"}, {"battery_cells", "u8"}, {"config_keys", "u32"}, {"max_request", "u16", new = true, unit = "byte"}}},
  [0x0103] = {name = "device.status", request = {}, reply = {{"state", "enum", names = {[0] = "booting", [1] = "ready", [2] = "recording", [3] = "post-event", [4] = "sleeping", [5] = "fault"}}, {"docked", "bool"}, {"uptime_s", "u32", unit = "s"}, {"faults", "flags", names = {[1] = "clock-unset", [2] = "storage-full", [4] = "storage-error", [8] = "battery-low", [16] = "battery-temperature", [32] = "unassigned", [64] = "sensor", [128] = "audio"}}, {"streams", "u8"}, {"boot_counter", "u32"}, {"seized_for", "text", new = true}}},
  [0x0104] = {name = "device.self_test", request = {}, reply = {{"passed", "bool"}, {"steps", "items", of = records.SelfTestStep}}},
  [0x0105] = {name = "device.reboot", request = {{"boot_counter", "u32"}}, reply = {{"delay_ms", "u32", unit = "ms"}}},
  [0x0201] = {name = "battery.status", request = {{"cell", "u8"}}, reply = {{"charge_pct", "u8", unit = "%"}, {"state", "enum", names = {[0] = "discharging", [1] = "charging", [2] = "full", [3] = "stopped-by-temperature", [4] = "fault", [5] = "idle"}}, {"voltage_mv", "u16", unit = "mV"}, {"current_ma", "i32", unit = "mA"}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"cycles", "u16"}, {"health_pct", "u8", unit = "%"}, {"time_left_s", "u32?", unit = "s"}}},
  [0x0301] = {name = "storage.status", request = {}, reply = {{"capacity_bytes", "u64", unit = "byte"}, {"free_bytes", "u64", unit = "byte"}, {"recording_time_left_s", "u32?", unit = "s"}, {"recordings", "u32"}, {"held", "u32"}, {"full", "bool"}}},
  [0x0302] = {name = "storage.health", request = {}, reply = {{"ext_csd_rev", "u8"}, {"pre_eol", "enum", names = {[0] = "undefined", [1] = "normal", [2] = "warning", [3] = "urgent"}}, {"life_time_a", "u8"}, {"life_time_b", "u8"}, {"bad_blocks", "u16"}, {"written_bytes", "u64", unit = "byte"}}},
  [0x0401] = {name = "clock.read", request = {}, reply = {{"utc_ns", "i64", unit = "ns"}, {"state", "enum", names = {[0] = "unset", [1] = "synced", [2] = "holdover"}}, {"uncertainty_ns", "u64", unit = "ns"}, {"source", "enum", names = {[0] = "unsynchronised", [1] = "ntp", [2] = "nts", [3] = "ptp", [4] = "gnss", [5] = "operator"}}, {"last_set_utc_ns", "i64", unit = "ns"}, {"revision", "u32"}, {"assurance", "enum", names = {[0] = "not-stated", [1] = "verified", [2] = "unverified"}, new = true}}},
  [0x0402] = {name = "clock.exchange", request = {{"host_sent_ns", "i64", unit = "ns"}}, reply = {{"host_sent_ns", "i64", unit = "ns"}, {"device_received_ns", "i64", unit = "ns"}, {"device_sent_ns", "i64", unit = "ns"}, {"revision", "u32"}}},
  [0x0403] = {name = "clock.set", request = {{"offset_ns", "i64", unit = "ns"}, {"uncertainty_ns", "u64", unit = "ns"}, {"reason", "enum", names = {[1] = "routine", [2] = "first-set", [3] = "correction", [4] = "bench"}}, {"source", "enum", names = {[0] = "unsynchronised", [1] = "ntp", [2] = "nts", [3] = "ptp", [4] = "gnss", [5] = "operator"}}, {"revision", "u32"}, {"assurance", "enum", names = {[0] = "not-stated", [1] = "verified", [2] = "unverified"}, new = true}}, reply = {{"before_utc_ns", "i64", unit = "ns"}, {"after_utc_ns", "i64", unit = "ns"}, {"revision", "u32"}}},
  [0x0501] = {name = "config.schema", request = {{"start", "u16"}}, reply = {{"settings", "items", of = records.SettingSchema}, {"next", "u16"}}},
  [0x0502] = {name = "config.read", request = {{"view", "enum", names = {[1] = "effective", [2] = "pending", [3] = "staged"}}, {"start", "u16"}}, reply = {{"revision", "u32"}, {"settings", "items", of = records.Setting}, {"next", "u16"}}},
  [0x0503] = {name = "config.state", request = {}, reply = {{"revision", "u32"}, {"effective_revision", "u32"}, {"staged", "u16"}, {"pending", "u16"}}},
  [0x0504] = {name = "config.stage", request = {{"revision", "u32"}, {"settings", "items", of = records.Setting}}, reply = {{"revision", "u32"}, {"effective_revision", "u32"}, {"staged", "u16"}, {"pending", "u16"}}},
  [0x0505] = {name = "config.commit", request = {{"revision", "u32"}}, reply = {{"revision", "u32"}, {"effective_revision", "u32"}, {"staged", "u16"}, {"pending", "u16"}}},
  [0x0506] = {name = "config.abort", request = {}, reply = {}},
  [0x0507] = {name = "config.upload", request = {{"revision", "u32"}, {"length", "u32", unit = "byte"}, {"sha256", "bytes", size = 32}}, reply = {{"length", "u64", unit = "byte"}}},
  [0x0601] = {name = "recordings.page", request = {{"after", "u32"}, {"limit", "u16"}}, reply = {{"recordings", "items", of = records.RecordingEntry}, {"next", "u32"}, {"total", "u32"}}},
  [0x0602] = {name = "recordings.manifest", request = {{"recording", "bytes", size = 16}}, reply = {{"manifest", "blob"}, {"signature", "blob", new = true}}},
  [0x0603] = {name = "recordings.table", request = {{"recording", "bytes", size = 16}, {"manifest_sha256", "bytes", size = 32}, {"segment", "u16"}}, reply = {{"length", "u64", unit = "byte"}}},
  [0x0604] = {name = "recordings.open", request = {{"recording", "bytes", size = 16}, {"manifest_sha256", "bytes", size = 32}, {"segment", "u16"}, {"offset", "u64", unit = "byte"}, {"length", "u64", unit = "byte"}}, reply = {{"length", "u64", unit = "byte"}}},
  [0x0605] = {name = "recordings.annotations", request = {{"recording", "bytes", size = 16}, {"start", "u16"}}, reply = {{"annotations", "items", of = records.Annotation}, {"next", "u16"}, {"signature", "blob", new = true}}},
  [0x0606] = {name = "recordings.mark", request = {{"recording", "bytes", size = 16}, {"manifest_sha256", "bytes", size = 32}, {"marked", "bool"}}, reply = {{"marks", "flags", names = {[1] = "marked", [2] = "held", [4] = "cut"}}, {"annotations", "u32"}, {"category", "text"}, {"annotations_sha256", "bytes", size = 32, new = true}, {"holds", "u16", new = true}, {"case", "text", new = true}}},
  [0x0607] = {name = "recordings.categorise", request = {{"recording", "bytes", size = 16}, {"manifest_sha256", "bytes", size = 32}, {"category", "text"}}, reply = {{"marks", "flags", names = {[1] = "marked", [2] = "held", [4] = "cut"}}, {"annotations", "u32"}, {"category", "text"}, {"annotations_sha256", "bytes", size = 32, new = true}, {"holds", "u16", new = true}, {"case", "text", new = true}}},
  [0x0608] = {name = "recordings.hold", request = {{"recording", "bytes", size = 16}, {"manifest_sha256", "bytes", size = 32}, {"reason", "text"}, {"hold", "text", new = true}, {"case", "text", new = true}, {"authority", "text", new = true}}, reply = {{"marks", "flags", names = {[1] = "marked", [2] = "held", [4] = "cut"}}, {"annotations", "u32"}, {"category", "text"}, {"annotations_sha256", "bytes", size = 32, new = true}, {"holds", "u16", new = true}, {"case", "text", new = true}}},
  [0x0609] = {name = "recordings.lift", request = {{"recording", "bytes", size = 16}, {"manifest_sha256", "bytes", size = 32}, {"reason", "text"}, {"hold", "text", new = true}}, reply = {{"marks", "flags", names = {[1] = "marked", [2] = "held", [4] = "cut"}}, {"annotations", "u32"}, {"category", "text"}, {"annotations_sha256", "bytes", size = 32, new = true}, {"holds", "u16", new = true}, {"case", "text", new = true}}},
  [0x060a] = {name = "recordings.erase", request = {{"recording", "bytes", size = 16}, {"manifest_sha256", "bytes", size = 32}, {"annotations_sha256", "bytes", size = 32}}, reply = {}},
  [0x060b] = {name = "recordings.case", request = {{"recording", "bytes", size = 16}, {"manifest_sha256", "bytes", size = 32}, {"case", "text"}}, reply = {{"marks", "flags", names = {[1] = "marked", [2] = "held", [4] = "cut"}}, {"annotations", "u32"}, {"category", "text"}, {"annotations_sha256", "bytes", size = 32, new = true}, {"holds", "u16", new = true}, {"case", "text", new = true}}},
  [0x060c] = {name = "recordings.review", request = {{"recording", "bytes", size = 16}, {"manifest_sha256", "bytes", size = 32}, {"note", "text"}}, reply = {{"marks", "flags", names = {[1] = "marked", [2] = "held", [4] = "cut"}}, {"annotations", "u32"}, {"category", "text"}, {"annotations_sha256", "bytes", size = 32, new = true}, {"holds", "u16", new = true}, {"case", "text", new = true}}},
  [0x060d] = {name = "recordings.receipt", request = {{"recording", "bytes", size = 16}, {"receipt", "blob"}}, reply = {{"receipts", "items", of = records.KeptReceipt}, {"needed", "u16"}, {"holds", "u16"}, {"left_min", "u32", unit = "min"}, {"proof_needed", "bool"}, {"released", "bool"}}},
  [0x060e] = {name = "recordings.tombstones", request = {{"after", "u32"}, {"limit", "u16"}}, reply = {{"tombstones", "items", of = records.SignedTombstone}, {"next", "u32"}, {"total", "u32"}}},
  [0x060f] = {name = "recordings.release", request = {{"recording", "bytes", size = 16}}, reply = {{"receipts", "items", of = records.KeptReceipt}, {"needed", "u16"}, {"holds", "u16"}, {"left_min", "u32", unit = "min"}, {"proof_needed", "bool"}, {"released", "bool"}}},
  [0x0701] = {name = "assignment.read", request = {}, reply = {{"assigned", "bool"}, {"officer", "text"}, {"unit", "text"}, {"since_utc_ns", "i64", unit = "ns"}, {"revision", "u32"}, {"pseudonym", "text", new = true}}},
  [0x0702] = {name = "assignment.assign", request = {{"officer", "text"}, {"unit", "text"}, {"revision", "u32"}}, reply = {{"assigned", "bool"}, {"officer", "text"}, {"unit", "text"}, {"since_utc_ns", "i64", unit = "ns"}, {"revision", "u32"}, {"pseudonym", "text", new = true}}},
  [0x0703] = {name = "assignment.clear", request = {{"revision", "u32"}}, reply = {{"assigned", "bool"}, {"officer", "text"}, {"unit", "text"}, {"since_utc_ns", "i64", unit = "ns"}, {"revision", "u32"}, {"pseudonym", "text", new = true}}},
  [0x0801] = {name = "audit.page", request = {{"after", "u64"}, {"limit", "u16"}}, reply = {{"previous_sha256", "bytes", size = 32}, {"entries", "items", of = records.AuditEntry}, {"last", "u64"}}},
  [0x0802] = {name = "audit.head", request = {}, reply = {{"sequence", "u64"}, {"sha256", "bytes", size = 32}, {"first", "u64"}}},
  [0x0901] = {name = "bench.state", request = {}, reply = {{"charge_pct", "u16?", unit = "%"}, {"taken_bytes", "u64", unit = "byte"}, {"clock_moved_ns", "i64", unit = "ns"}, {"clock_revision", "u32"}, {"last_sequence", "u32"}}},
  [0x0902] = {name = "bench.charge", request = {{"charge_pct", "u8", unit = "%"}}, reply = {{"charge_pct", "u16?", unit = "%"}, {"taken_bytes", "u64", unit = "byte"}, {"clock_moved_ns", "i64", unit = "ns"}, {"clock_revision", "u32"}, {"last_sequence", "u32"}}},
  [0x0903] = {name = "bench.clock", request = {{"offset_ns", "i64", unit = "ns"}, {"revision", "u32"}}, reply = {{"charge_pct", "u16?", unit = "%"}, {"taken_bytes", "u64", unit = "byte"}, {"clock_moved_ns", "i64", unit = "ns"}, {"clock_revision", "u32"}, {"last_sequence", "u32"}}},
  [0x0904] = {name = "bench.fill", request = {{"free_bytes", "u64", unit = "byte"}}, reply = {{"charge_pct", "u16?", unit = "%"}, {"taken_bytes", "u64", unit = "byte"}, {"clock_moved_ns", "i64", unit = "ns"}, {"clock_revision", "u32"}, {"last_sequence", "u32"}}},
  [0x0905] = {name = "bench.record", request = {{"after", "u32"}, {"duration_ms", "u32", unit = "ms"}, {"size_bytes", "u32", unit = "byte"}, {"category", "text"}}, reply = {{"recording", "bytes", size = 16}, {"sequence", "u32"}, {"manifest_sha256", "bytes", size = 32}}},
  [0x0906] = {name = "bench.restore", request = {}, reply = {{"charge_pct", "u16?", unit = "%"}, {"taken_bytes", "u64", unit = "byte"}, {"clock_moved_ns", "i64", unit = "ns"}, {"clock_revision", "u32"}, {"last_sequence", "u32"}}},
  [0x0a01] = {name = "station.status", request = {}, reply = {{"bays", "u16"}, {"present", "u16"}, {"quarantined", "u16"}, {"supply_mv", "u16", unit = "mV"}, {"supply_ma", "u32", unit = "mA"}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"faults", "flags", names = {[1] = "clock-unset", [2] = "supply", [4] = "quarantine"}}}},
  [0x0a02] = {name = "station.bays", request = {{"start", "u16"}}, reply = {{"bays", "items", of = records.BayStatus}, {"next", "u16"}}},
  [0x0a03] = {name = "station.bay", request = {{"bay", "u16"}}, reply = {{"bay", "u16"}, {"state", "enum", names = {[0] = "empty", [1] = "detected", [2] = "linked", [3] = "identified", [4] = "busy", [5] = "fault", [6] = "quarantine"}}, {"present", "bool"}, {"docking", "u32"}, {"power", "bool"}, {"data", "bool"}, {"charge", "enum", names = {[0] = "discharging", [1] = "charging", [2] = "full", [3] = "stopped-by-temperature", [4] = "fault", [5] = "idle"}}, {"charge_ma", "u16", unit = "mA"}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"led", "enum", names = {[0] = "off", [1] = "empty", [2] = "charging", [3] = "ready", [4] = "transferring", [5] = "attention", [6] = "quarantine", [7] = "identify", [8] = "take-me", [9] = "in-work", [10] = "needs-attention", [11] = "do-not-use"}}, {"alarms", "flags", names = {[1] = "over-temperature", [2] = "swelling"}}, {"incident", "u32"}, {"retry_after_ms", "u32", unit = "ms"}, {"label", "text"}, {"lease_s", "u16", unit = "s"}, {"verdict", "enum", names = {[0] = "none", [1] = "take-me", [2] = "busy", [3] = "needs-attention", [4] = "do-not-use"}, new = true}, {"verdict_lease_s", "u16", new = true, unit = "s"}, {"lock_s", "u16", new = true, unit = "s"}}},
  [0x0a04] = {name = "station.power", request = {{"bay", "u16"}, {"on", "bool"}}, reply = {{"bay", "u16"}, {"state", "enum", names = {[0] = "empty", [1] = "detected", [2] = "linked", [3] = "identified", [4] = "busy", [5] = "fault", [6] = "quarantine"}}, {"present", "bool"}, {"docking", "u32"}, {"power", "bool"}, {"data", "bool"}, {"charge", "enum", names = {[0] = "discharging", [1] = "charging", [2] = "full", [3] = "stopped-by-temperature", [4] = "fault", [5] = "idle"}}, {"charge_ma", "u16", unit = "mA"}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"led", "enum", names = {[0] = "off", [1] = "empty", [2] = "charging", [3] = "ready", [4] = "transferring", [5] = "attention", [6] = "quarantine", [7] = "identify", [8] = "take-me", [9] = "in-work", [10] = "needs-attention", [11] = "do-not-use"}}, {"alarms", "flags", names = {[1] = "over-temperature", [2] = "swelling"}}, {"incident", "u32"}, {"retry_after_ms", "u32", unit = "ms"}, {"label", "text"}, {"lease_s", "u16", unit = "s"}, {"verdict", "enum", names = {[0] = "none", [1] = "take-me", [2] = "busy", [3] = "needs-attention", [4] = "do-not-use"}, new = true}, {"verdict_lease_s", "u16", new = true, unit = "s"}, {"lock_s", "u16", new = true, unit = "s"}}},
  [0x0a05] = {name = "station.data", request = {{"bay", "u16"}, {"on", "bool"}}, reply = {{"bay", "u16"}, {"state", "enum", names = {[0] = "empty", [1] = "detected", [2] = "linked", [3] = "identified", [4] = "busy", [5] = "fault", [6] = "quarantine"}}, {"present", "bool"}, {"docking", "u32"}, {"power", "bool"}, {"data", "bool"}, {"charge", "enum", names = {[0] = "discharging", [1] = "charging", [2] = "full", [3] = "stopped-by-temperature", [4] = "fault", [5] = "idle"}}, {"charge_ma", "u16", unit = "mA"}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"led", "enum", names = {[0] = "off", [1] = "empty", [2] = "charging", [3] = "ready", [4] = "transferring", [5] = "attention", [6] = "quarantine", [7] = "identify", [8] = "take-me", [9] = "in-work", [10] = "needs-attention", [11] = "do-not-use"}}, {"alarms", "flags", names = {[1] = "over-temperature", [2] = "swelling"}}, {"incident", "u32"}, {"retry_after_ms", "u32", unit = "ms"}, {"label", "text"}, {"lease_s", "u16", unit = "s"}, {"verdict", "enum", names = {[0] = "none", [1] = "take-me", [2] = "busy", [3] = "needs-attention", [4] = "do-not-use"}, new = true}, {"verdict_lease_s", "u16", new = true, unit = "s"}, {"lock_s", "u16", new = true, unit = "s"}}},
  [0x0a06] = {name = "station.identify", request = {{"bay", "u16"}, {"seconds", "u16", unit = "s"}}, reply = {{"bay", "u16"}, {"state", "enum", names = {[0] = "empty", [1] = "detected", [2] = "linked", [3] = "identified", [4] = "busy", [5] = "fault", [6] = "quarantine"}}, {"present", "bool"}, {"docking", "u32"}, {"power", "bool"}, {"data", "bool"}, {"charge", "enum", names = {[0] = "discharging", [1] = "charging", [2] = "full", [3] = "stopped-by-temperature", [4] = "fault", [5] = "idle"}}, {"charge_ma", "u16", unit = "mA"}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"led", "enum", names = {[0] = "off", [1] = "empty", [2] = "charging", [3] = "ready", [4] = "transferring", [5] = "attention", [6] = "quarantine", [7] = "identify", [8] = "take-me", [9] = "in-work", [10] = "needs-attention", [11] = "do-not-use"}}, {"alarms", "flags", names = {[1] = "over-temperature", [2] = "swelling"}}, {"incident", "u32"}, {"retry_after_ms", "u32", unit = "ms"}, {"label", "text"}, {"lease_s", "u16", unit = "s"}, {"verdict", "enum", names = {[0] = "none", [1] = "take-me", [2] = "busy", [3] = "needs-attention", [4] = "do-not-use"}, new = true}, {"verdict_lease_s", "u16", new = true, unit = "s"}, {"lock_s", "u16", new = true, unit = "s"}}},
  [0x0a07] = {name = "station.release", request = {{"bay", "u16"}, {"incident", "u32"}}, reply = {{"bay", "u16"}, {"state", "enum", names = {[0] = "empty", [1] = "detected", [2] = "linked", [3] = "identified", [4] = "busy", [5] = "fault", [6] = "quarantine"}}, {"present", "bool"}, {"docking", "u32"}, {"power", "bool"}, {"data", "bool"}, {"charge", "enum", names = {[0] = "discharging", [1] = "charging", [2] = "full", [3] = "stopped-by-temperature", [4] = "fault", [5] = "idle"}}, {"charge_ma", "u16", unit = "mA"}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"led", "enum", names = {[0] = "off", [1] = "empty", [2] = "charging", [3] = "ready", [4] = "transferring", [5] = "attention", [6] = "quarantine", [7] = "identify", [8] = "take-me", [9] = "in-work", [10] = "needs-attention", [11] = "do-not-use"}}, {"alarms", "flags", names = {[1] = "over-temperature", [2] = "swelling"}}, {"incident", "u32"}, {"retry_after_ms", "u32", unit = "ms"}, {"label", "text"}, {"lease_s", "u16", unit = "s"}, {"verdict", "enum", names = {[0] = "none", [1] = "take-me", [2] = "busy", [3] = "needs-attention", [4] = "do-not-use"}, new = true}, {"verdict_lease_s", "u16", new = true, unit = "s"}, {"lock_s", "u16", new = true, unit = "s"}}},
  [0x0a08] = {name = "station.lease", request = {{"bay", "u16"}, {"docking", "u32"}, {"label", "text"}, {"seconds", "u16", unit = "s"}}, reply = {{"bay", "u16"}, {"state", "enum", names = {[0] = "empty", [1] = "detected", [2] = "linked", [3] = "identified", [4] = "busy", [5] = "fault", [6] = "quarantine"}}, {"present", "bool"}, {"docking", "u32"}, {"power", "bool"}, {"data", "bool"}, {"charge", "enum", names = {[0] = "discharging", [1] = "charging", [2] = "full", [3] = "stopped-by-temperature", [4] = "fault", [5] = "idle"}}, {"charge_ma", "u16", unit = "mA"}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"led", "enum", names = {[0] = "off", [1] = "empty", [2] = "charging", [3] = "ready", [4] = "transferring", [5] = "attention", [6] = "quarantine", [7] = "identify", [8] = "take-me", [9] = "in-work", [10] = "needs-attention", [11] = "do-not-use"}}, {"alarms", "flags", names = {[1] = "over-temperature", [2] = "swelling"}}, {"incident", "u32"}, {"retry_after_ms", "u32", unit = "ms"}, {"label", "text"}, {"lease_s", "u16", unit = "s"}, {"verdict", "enum", names = {[0] = "none", [1] = "take-me", [2] = "busy", [3] = "needs-attention", [4] = "do-not-use"}, new = true}, {"verdict_lease_s", "u16", new = true, unit = "s"}, {"lock_s", "u16", new = true, unit = "s"}}},
  [0x0a09] = {name = "station.verdict", request = {{"bay", "u16"}, {"docking", "u32"}, {"verdict", "enum", names = {[0] = "none", [1] = "take-me", [2] = "busy", [3] = "needs-attention", [4] = "do-not-use"}}, {"seconds", "u16", unit = "s"}}, reply = {{"bay", "u16"}, {"state", "enum", names = {[0] = "empty", [1] = "detected", [2] = "linked", [3] = "identified", [4] = "busy", [5] = "fault", [6] = "quarantine"}}, {"present", "bool"}, {"docking", "u32"}, {"power", "bool"}, {"data", "bool"}, {"charge", "enum", names = {[0] = "discharging", [1] = "charging", [2] = "full", [3] = "stopped-by-temperature", [4] = "fault", [5] = "idle"}}, {"charge_ma", "u16", unit = "mA"}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"led", "enum", names = {[0] = "off", [1] = "empty", [2] = "charging", [3] = "ready", [4] = "transferring", [5] = "attention", [6] = "quarantine", [7] = "identify", [8] = "take-me", [9] = "in-work", [10] = "needs-attention", [11] = "do-not-use"}}, {"alarms", "flags", names = {[1] = "over-temperature", [2] = "swelling"}}, {"incident", "u32"}, {"retry_after_ms", "u32", unit = "ms"}, {"label", "text"}, {"lease_s", "u16", unit = "s"}, {"verdict", "enum", names = {[0] = "none", [1] = "take-me", [2] = "busy", [3] = "needs-attention", [4] = "do-not-use"}, new = true}, {"verdict_lease_s", "u16", new = true, unit = "s"}, {"lock_s", "u16", new = true, unit = "s"}}},
  [0x0a0a] = {name = "station.lock", request = {{"bay", "u16"}, {"docking", "u32"}, {"seconds", "u16", unit = "s"}}, reply = {{"bay", "u16"}, {"state", "enum", names = {[0] = "empty", [1] = "detected", [2] = "linked", [3] = "identified", [4] = "busy", [5] = "fault", [6] = "quarantine"}}, {"present", "bool"}, {"docking", "u32"}, {"power", "bool"}, {"data", "bool"}, {"charge", "enum", names = {[0] = "discharging", [1] = "charging", [2] = "full", [3] = "stopped-by-temperature", [4] = "fault", [5] = "idle"}}, {"charge_ma", "u16", unit = "mA"}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"led", "enum", names = {[0] = "off", [1] = "empty", [2] = "charging", [3] = "ready", [4] = "transferring", [5] = "attention", [6] = "quarantine", [7] = "identify", [8] = "take-me", [9] = "in-work", [10] = "needs-attention", [11] = "do-not-use"}}, {"alarms", "flags", names = {[1] = "over-temperature", [2] = "swelling"}}, {"incident", "u32"}, {"retry_after_ms", "u32", unit = "ms"}, {"label", "text"}, {"lease_s", "u16", unit = "s"}, {"verdict", "enum", names = {[0] = "none", [1] = "take-me", [2] = "busy", [3] = "needs-attention", [4] = "do-not-use"}, new = true}, {"verdict_lease_s", "u16", new = true, unit = "s"}, {"lock_s", "u16", new = true, unit = "s"}}},
  [0x0b01] = {name = "trust.read", request = {}, reply = {{"enrolled", "bool"}, {"agency", "text"}, {"lab", "text"}, {"roots", "items", of = records.Fingerprint}, {"issuer_key_id", "blob"}, {"not_before_s", "i64", unit = "s"}, {"not_after_s", "i64", unit = "s"}, {"deny_counter", "u32"}, {"recipients", "items", of = records.Fingerprint}, {"locked", "bool"}, {"floor_s", "i64", unit = "s"}, {"desired_counter", "u32"}, {"generation", "u32"}, {"requested", "bool"}, {"window_s", "u16", unit = "s"}, {"proofs", "items", of = records.OpeningProof}}},
  [0x0b02] = {name = "trust.request", request = {}, reply = {{"request", "blob"}, {"proof", "blob", new = true}}},
  [0x0b03] = {name = "trust.enroll", request = {{"length", "u32", unit = "byte"}, {"sha256", "bytes", size = 32}}, reply = {{"length", "u64", unit = "byte"}}},
  [0x0b04] = {name = "trust.renew", request = {{"length", "u32", unit = "byte"}, {"sha256", "bytes", size = 32}}, reply = {{"length", "u64", unit = "byte"}}},
  [0x0b05] = {name = "trust.deny_list", request = {{"length", "u32", unit = "byte"}, {"sha256", "bytes", size = 32}}, reply = {{"length", "u64", unit = "byte"}}},
  [0x0b06] = {name = "trust.read_deny_list", request = {}, reply = {{"length", "u64", unit = "byte"}}},
  [0x0b07] = {name = "trust.nonce", request = {}, reply = {{"nonce", "bytes", size = 16}, {"sequence", "u32"}, {"manifest_sha256", "bytes", size = 32}, {"recordings", "u32"}, {"held", "u32"}, {"undelivered", "u32"}}},
  [0x0b08] = {name = "trust.order", request = {{"nonce", "bytes", size = 16}, {"length", "u32", unit = "byte"}, {"sha256", "bytes", size = 32}}, reply = {{"length", "u64", unit = "byte"}}},
  [0x0b09] = {name = "trust.desired", request = {{"length", "u32", unit = "byte"}, {"sha256", "bytes", size = 32}}, reply = {{"length", "u64", unit = "byte"}}},
  [0x0b0a] = {name = "trust.reset_record", request = {}, reply = {{"record", "blob"}}},
  [0x0b0b] = {name = "trust.challenge", request = {{"recipient", "bytes", size = 32}}, reply = {{"sealed", "blob"}}},
  [0x0b0c] = {name = "trust.prove", request = {{"recipient", "bytes", size = 32}, {"opened", "bytes", size = 32}}, reply = {{"recipient", "bytes", size = 32}, {"utc_ns", "i64", unit = "ns"}, {"powered_min", "u32", unit = "min"}}},
  [0x0b0d] = {name = "trust.seize", request = {{"length", "u32", unit = "byte"}, {"sha256", "bytes", size = 32}}, reply = {{"length", "u64", unit = "byte"}}},
}
local events = {
  [0x01f0] = {name = "device.state_changed", body = {{"state", "enum", names = {[0] = "booting", [1] = "ready", [2] = "recording", [3] = "post-event", [4] = "sleeping", [5] = "fault"}}, {"faults", "flags", names = {[1] = "clock-unset", [2] = "storage-full", [4] = "storage-error", [8] = "battery-low", [16] = "battery-temperature", [32] = "unassigned", [64] = "sensor", [128] = "audio"}}}},
  [0x02f0] = {name = "battery.alarm", body = {{"cell", "u8"}, {"charge_pct", "u8", unit = "%"}, {"temperature_dc", "i16", unit = "0.1 °C"}}},
  [0x04f0] = {name = "clock.changed", body = {{"state", "enum", names = {[0] = "unset", [1] = "synced", [2] = "holdover"}}, {"revision", "u32"}}},
  [0x05f0] = {name = "config.applied", body = {{"revision", "u32"}, {"effective", "bool"}}},
  [0x06f0] = {name = "recordings.closed", body = {{"recording", "bytes", size = 16}, {"sequence", "u32"}}},
  [0x0af0] = {name = "station.docked", body = {{"bay", "u16"}, {"docking", "u32"}}},
  [0x0af1] = {name = "station.undocked", body = {{"bay", "u16"}, {"docking", "u32"}}},
  [0x0af2] = {name = "station.alarm", body = {{"bay", "u16"}, {"alarms", "flags", names = {[1] = "over-temperature", [2] = "swelling"}}, {"temperature_dc", "i16", unit = "0.1 °C"}, {"incident", "u32"}}},
  [0x0af3] = {name = "station.bay_changed", body = {{"bay", "u16"}, {"state", "enum", names = {[0] = "empty", [1] = "detected", [2] = "linked", [3] = "identified", [4] = "busy", [5] = "fault", [6] = "quarantine"}}, {"docking", "u32"}, {"verdict", "enum", names = {[0] = "none", [1] = "take-me", [2] = "busy", [3] = "needs-attention", [4] = "do-not-use"}, new = true}, {"locked", "bool", new = true}}},
}
local controls = {
  [0x01] = {name = "session.info", body = {{"preambles_sha256", "bytes", size = 32}, {"major", "u8"}, {"minor", "u8"}, {"kind", "enum", names = {[1] = "host", [2] = "camera", [3] = "station"}}, {"roles", "flags", names = {[1] = "technician", [2] = "dock-offload", [4] = "destination", [8] = "auditor", [16] = "bench", [32] = "records", [64] = "evidence-recipient", [128] = "enroller"}}, {"identity", "text"}, {"capabilities", "u64"}, {"boot_counter", "u32"}, {"firmware_sha256", "bytes", size = 32}, {"deny_counter", "u32", new = true}}},
  [0x02] = {name = "session.ready", body = {}},
  [0x03] = {name = "error", body = {{"code", "enum", names = {[1] = "unsupported", [2] = "malformed", [3] = "not-permitted", [4] = "not-ready", [5] = "busy", [6] = "not-found", [7] = "conflict", [8] = "out-of-range", [9] = "wrong-state", [10] = "needs-receipt", [11] = "held", [12] = "unknown-setting", [13] = "wrong-type", [14] = "implausible", [15] = "storage-fault", [16] = "full", [17] = "hash-mismatch", [18] = "internal", [19] = "untrusted", [20] = "purpose-refused"}}, {"retry_after_ms", "u32", unit = "ms"}, {"detail", "text"}}},
  [0x10] = {name = "stream.credit", body = {{"limit", "u64", unit = "byte"}}},
  [0x12] = {name = "stream.end", body = {{"offset", "u64", unit = "byte"}, {"code", "u16"}, {"detail", "text"}}},
  [0x13] = {name = "stream.cancel", body = {{"code", "u16"}}},
}
local error_body = {{"code", "enum", names = {[1] = "unsupported", [2] = "malformed", [3] = "not-permitted", [4] = "not-ready", [5] = "busy", [6] = "not-found", [7] = "conflict", [8] = "out-of-range", [9] = "wrong-state", [10] = "needs-receipt", [11] = "held", [12] = "unknown-setting", [13] = "wrong-type", [14] = "implausible", [15] = "storage-fault", [16] = "full", [17] = "hash-mismatch", [18] = "internal", [19] = "untrusted", [20] = "purpose-refused"}}, {"retry_after_ms", "u32", unit = "ms"}, {"detail", "text"}}

local bwc = Proto("bwc", "Body-worn camera protocol")
local reply_flag, error_flag, event_flag = 1, 2, 4
local held = {[1] = "frame", [2] = "message", [3] = "refused", [4] = "no frame"}
local senders = {[0] = "host", [1] = "device"}

local f = {
  holds = ProtoField.uint8("bwc.holds", "Holds", base.DEC, held),
  sender = ProtoField.uint8("bwc.sender", "Sender", base.DEC, senders),
  channel = ProtoField.uint8("bwc.channel", "Channel", base.DEC),
  type = ProtoField.uint8("bwc.type", "Type", base.DEC, frame_types, 0x0f),
  version = ProtoField.uint8("bwc.version", "Version", base.DEC, nil, 0xf0),
  link = ProtoField.uint32("bwc.link", "Link", base.HEX),
  epoch = ProtoField.uint8("bwc.epoch", "Epoch", base.DEC),
  window = ProtoField.uint8("bwc.window", "Window", base.DEC),
  seq = ProtoField.uint16("bwc.seq", "Sequence number", base.DEC),
  ack = ProtoField.uint16("bwc.ack", "Acknowledged", base.DEC),
  sack = ProtoField.uint32("bwc.sack", "Held beyond it", base.HEX),
  length = ProtoField.uint32("bwc.length", "Length", base.DEC),
  host_nonce = ProtoField.uint32("bwc.host_nonce", "Host nonce", base.HEX),
  max_payload = ProtoField.uint16("bwc.max_payload", "Largest payload", base.DEC),
  reset = ProtoField.uint8("bwc.reset", "Reason", base.DEC, reset_reasons),
  bye = ProtoField.uint8("bwc.bye", "Reason", base.DEC, bye_reasons),
  retry = ProtoField.uint32("bwc.retry_after_ms", "Retry after, ms", base.DEC),
  opcode = ProtoField.uint16("bwc.opcode", "Opcode", base.HEX),
  flags = ProtoField.uint16("bwc.flags", "Flags", base.HEX),
  request = ProtoField.uint32("bwc.request", "Request", base.DEC),
  name = ProtoField.string("bwc.name", "Name"),
  text = ProtoField.string("bwc.refused", "Refused"),
  bad = ProtoField.bytes("bwc.bad", "Bytes of no frame"),
}
local broken = ProtoExpert.new("bwc.malformed", "Breaks its declaration", expert.group.MALFORMED, expert.severity.ERROR)

-- A field of its own for each field of each message, so that all can be filtered by: bwc.device.status.charge_pct
local all = {}
for _, one in pairs(f) do all[#all + 1] = one end

local function own(prefix, fields)
  for _, field in ipairs(fields) do
    if not field.proto then
      field.proto = ProtoField.string("bwc." .. prefix .. "." .. field[1], field[1])
      all[#all + 1] = field.proto
    end
  end
end

for name, fields in pairs(records) do own(name:lower(), fields) end
for _, c in pairs(commands) do
  own(c.name, c.request)
  own(c.name .. ".reply", c.reply)
end
for _, e in pairs(events) do own(e.name, e.body) end
for _, k in pairs(controls) do own(k.name, k.body) end
own("error", error_body)
bwc.fields = all
bwc.experts = {broken}

local sizes = {u8 = 1, u16 = 2, u32 = 4, u64 = 8, i16 = 2, i32 = 4, i64 = 8, bool = 1, enum = 1, flags = 4}
sizes["u16?"], sizes["u32?"], sizes["i64?"] = 2, 4, 8

local function names_of(value, names)
  local found = {}
  for bit, name in pairs(names) do
    if bit ~= 0 and math.floor(value / bit) % 2 == 1 then found[#found + 1] = name end
  end
  table.sort(found)
  return #found > 0 and table.concat(found, "|") or "none"
end

local function shown(field, range)
  local kind = field[2]
  local value
  if kind == "u64" then value = tostring(range:le_uint64())
  elseif kind == "i64" or kind == "i64?" then value = tostring(range:le_int64())
  elseif kind:sub(1, 1) == "i" then value = tostring(range:le_int())
  else value = tostring(range:le_uint()) end
  if kind == "bool" then return value == "1" and "true" or "false" end
  if kind == "enum" then return field.names[range:le_uint()] or ("unknown(" .. value .. ")") end
  if kind == "flags" then return names_of(range:le_uint(), field.names) end
  local none = {["u16?"] = "65535", ["u32?"] = "4294967295", ["i64?"] = "-9223372036854775808"}
  if none[kind] == value then return "not known" end
  return field.unit and (value .. " " .. field.unit) or value
end

-- A body may end before a field that a later version appended (new), and nowhere else.
local function ends_before(tree, field)
  if not field.new then tree:add_proto_expert_info(broken, "there is no " .. field[1]) end
end

-- The fields of one record in `body`.
local function fields_in(tree, body, fields)
  local at = 0
  for _, field in ipairs(fields) do
    local kind, left = field[2], body:len() - at
    if left == 0 then return ends_before(tree, field) end
    local size = sizes[kind] or (kind == "bytes" and field.size) or 2
    if left < size then return tree:add_proto_expert_info(broken, field[1] .. " is cut off") end
    if sizes[kind] then
      tree:add(field.proto, body(at, size), shown(field, body(at, size)))
    elseif kind == "bytes" then
      tree:add(field.proto, body(at, size), tostring(body(at, size):bytes()):lower())
    elseif kind == "items" then
      local count = body(at, 2):le_uint()
      local list = tree:add(field.proto, body(at), count .. " items")
      for _ = 1, count do
        if body:len() - at - size < 2 then return tree:add_proto_expert_info(broken, "an item is cut off") end
        local length = body(at + size, 2):le_uint()
        if body:len() - at - size - 2 < length then
          return tree:add_proto_expert_info(broken, "an item is cut off")
        end
        if length > 0 then
          local item = list:add(body(at + size + 2, length), field[1])
          fields_in(item, body(at + size + 2, length):tvb(), field.of)
        end
        size = size + 2 + length
      end
    else
      local length = body(at, 2):le_uint()
      if left - 2 < length then return tree:add_proto_expert_info(broken, field[1] .. " is cut off") end
      size = 2 + length
      local range = length > 0 and body(at + 2, length) or nil
      if kind == "text" then
        tree:add(field.proto, body(at, size), range and range:string(ENC_UTF_8) or "")
      elseif kind == "record" then
        local inner = tree:add(field.proto, body(at, size), "")
        if range then fields_in(inner, range:tvb(), field.of) end
      else
        tree:add(field.proto, body(at, size), range and tostring(range:bytes()):lower() or "")
      end
    end
    at = at + size
  end
end

local function control_in(tree, kind, data)
  if data:len() == 0 then return "" end
  local name = frame_types[kind]
  if name == "HELLO" and data:len() >= 12 then
    tree:add_le(f.host_nonce, data(0, 4))
    tree:add_le(f.max_payload, data(4, 2))
  elseif name == "HELLO_ACK" and data:len() >= 8 then
    tree:add_le(f.host_nonce, data(0, 4))
    tree:add_le(f.max_payload, data(4, 2))
  elseif name == "BYE" and data:len() >= 9 then
    tree:add_le(f.host_nonce, data(0, 4))
    tree:add_le(f.retry, data(4, 4))
    tree:add(f.bye, data(8, 1))
    return "(" .. (bye_reasons[data(8, 1):uint()] or "?") .. ")"
  elseif name == "RESET" and data:len() >= 4 then
    tree:add(f.reset, data(0, 1))
    tree:add(f.retry, data(2, 2), data(2, 2):le_uint())
    return "(" .. (reset_reasons[data(0, 1):uint()] or "?") .. ")"
  end
  return ""
end

local function frame_in(tree, data)
  local kind = data(2, 1):uint() % 16
  tree:add(f.version, data(2, 1))
  tree:add(f.type, data(2, 1))
  tree:add_le(f.link, data(4, 4))
  tree:add(f.epoch, data(8, 1))
  tree:add(f.window, data(9, 1))
  tree:add_le(f.seq, data(10, 2))
  tree:add_le(f.ack, data(12, 2))
  tree:add_le(f.length, data(14, 2))
  tree:add_le(f.sack, data(16, 4))
  local word = ""
  if data:len() > 24 then word = control_in(tree, kind, data(24):tvb()) end
  return (frame_types[kind] or ("type " .. kind)) .. word .. " epoch " .. data(8, 1):uint() .. " seq "
    .. data(10, 2):le_uint() .. " ack " .. data(12, 2):le_uint() .. " window " .. data(9, 1):uint()
    .. ", " .. data(14, 2):le_uint() .. " bytes"
end

-- What an opcode with these flags is called, and the fields of its body.
local function declared(opcode, flags)
  local command = commands[opcode]
  local name = command and command.name or (events[opcode] and events[opcode].name)
    or (controls[opcode] and controls[opcode].name) or string.format("opcode 0x%04x", opcode)
  if flags == error_flag then return name .. " error", error_body end
  if flags == event_flag then return name .. " event", events[opcode] and events[opcode].body end
  if flags == reply_flag then return name .. " reply", command and command.reply end
  if controls[opcode] then return name, controls[opcode].body end
  return name .. " request", command and command.request
end

local function message_in(tree, data)
  local opcode, flags, request = data(4, 2):le_uint(), data(6, 2):le_uint(), data(8, 4):le_uint()
  local name, fields = declared(opcode, flags)
  tree:add_le(f.length, data(0, 4))
  tree:add_le(f.opcode, data(4, 2))
  tree:add_le(f.flags, data(6, 2))
  tree:add_le(f.request, data(8, 4))
  tree:add(f.name, data(4, 2), name)
  if data:len() > 12 and fields then
    fields_in(tree, data(12):tvb(), fields)
  elseif fields and fields[1] then
    ends_before(tree, fields[1])
  end
  local code = ""
  if flags == error_flag and data:len() > 12 then
    code = " " .. (error_codes[data(12, 1):uint()] or data(12, 1):uint())
  end
  return name .. code .. (request > 0 and (" " .. request) or "")
end

function bwc.dissector(buffer, packet, root)
  packet.cols.protocol = "BWC"
  if buffer:len() < 4 or buffer(0, 1):uint() ~= 1 then return 0 end
  local holds, data = buffer(1, 1):uint(), buffer:len() > 4 and buffer(4):tvb() or nil
  local tree = root:add(bwc, buffer(), "Body-worn camera protocol, " .. (held[holds] or "?"))
  tree:add(f.holds, buffer(1, 1))
  tree:add(f.sender, buffer(2, 1))
  tree:add(f.channel, buffer(3, 1))
  packet.cols.src = senders[buffer(2, 1):uint()] or "?"
  packet.cols.dst = senders[1 - buffer(2, 1):uint()] or "?"
  local told = held[holds] or "?"
  if holds == 1 and data and data:len() >= 24 then told = frame_in(tree, data)
  elseif holds == 2 and data and data:len() >= 12 then told = message_in(tree, data)
  elseif holds == 3 and data then
    tree:add(f.text, data(), data():string(ENC_UTF_8))
    told = "refused: " .. data():string(ENC_UTF_8)
  elseif holds == 4 and data and data:len() > 4 then
    tree:add(f.bad, data(4))
    told = data(0, 4):le_uint() .. " bytes that belong to no frame"
  end
  packet.cols.info = told
  return buffer:len()
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, bwc)
