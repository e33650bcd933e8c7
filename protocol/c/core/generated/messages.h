/* From the declarations, by python -m tools.generate.c_tables: not to be edited. */

#ifndef BWC_MESSAGES_H
#define BWC_MESSAGES_H
#include "../codec.h"

enum bwc_alert {
    BWC_ALERT_CLOSE = 0,
    BWC_ALERT_REFUSED = 1,
    BWC_ALERT_MALFORMED = 2,
};

enum bwc_annotation_kind {
    BWC_ANNOTATION_KIND_MARKED = 1,
    BWC_ANNOTATION_KIND_UNMARKED = 2,
    BWC_ANNOTATION_KIND_CATEGORY = 3,
    BWC_ANNOTATION_KIND_HELD = 4,
    BWC_ANNOTATION_KIND_LIFTED = 5,
    BWC_ANNOTATION_KIND_ASSIGNMENT = 6,
    BWC_ANNOTATION_KIND_CASE = 7,
    BWC_ANNOTATION_KIND_REVIEWED = 8,
};

enum bwc_audit_kind {
    BWC_AUDIT_KIND_BOOT = 1,
    BWC_AUDIT_KIND_SESSION_OPENED = 2,
    BWC_AUDIT_KIND_SESSION_CLOSED = 3,
    BWC_AUDIT_KIND_REFUSED = 4,
    BWC_AUDIT_KIND_CLOCK_SET = 5,
    BWC_AUDIT_KIND_CLOCK_LOST = 6,
    BWC_AUDIT_KIND_CONFIG_APPLIED = 7,
    BWC_AUDIT_KIND_RECORDING_STARTED = 8,
    BWC_AUDIT_KIND_RECORDING_CLOSED = 9,
    BWC_AUDIT_KIND_ANNOTATED = 10,
    BWC_AUDIT_KIND_OFFLOAD_READ = 11,
    BWC_AUDIT_KIND_ERASE_REFUSED = 12,
    BWC_AUDIT_KIND_ASSIGNED = 13,
    BWC_AUDIT_KIND_ASSIGNMENT_CLEARED = 14,
    BWC_AUDIT_KIND_SELF_TEST = 15,
    BWC_AUDIT_KIND_REBOOT_REQUESTED = 16,
    BWC_AUDIT_KIND_STORAGE_FULL = 17,
    BWC_AUDIT_KIND_PRUNED = 18,
    BWC_AUDIT_KIND_PAIRING_OPENED = 19,
    BWC_AUDIT_KIND_DOCKED = 20,
    BWC_AUDIT_KIND_UNDOCKED = 21,
    BWC_AUDIT_KIND_BAY_SWITCHED = 22,
    BWC_AUDIT_KIND_BAY_ALARM = 23,
    BWC_AUDIT_KIND_BAY_RELEASED = 24,
    BWC_AUDIT_KIND_SESSIONS_COUNTED = 25,
    BWC_AUDIT_KIND_ENROLMENT_OPENED = 26,
    BWC_AUDIT_KIND_ENROLLED = 27,
    BWC_AUDIT_KIND_RENEWED = 28,
    BWC_AUDIT_KIND_DENY_LIST = 29,
    BWC_AUDIT_KIND_ORDERED = 30,
    BWC_AUDIT_KIND_DESIRED_STATE = 31,
    BWC_AUDIT_KIND_HANDSHAKE_FAILED = 32,
    BWC_AUDIT_KIND_RESET = 33,
    BWC_AUDIT_KIND_RECEIPT_KEPT = 34,
    BWC_AUDIT_KIND_ERASED = 35,
    BWC_AUDIT_KIND_ERASED_FOR_ROOM = 36,
    BWC_AUDIT_KIND_SEIZED = 37,
    BWC_AUDIT_KIND_OPENING_PROVED = 38,
    BWC_AUDIT_KIND_BENCH_USED = 39,
};

#define BWC_BAY_ALARM_OVER_TEMPERATURE 0x1u
#define BWC_BAY_ALARM_SWELLING 0x2u

enum bwc_bay_state {
    BWC_BAY_STATE_EMPTY = 0,
    BWC_BAY_STATE_DETECTED = 1,
    BWC_BAY_STATE_LINKED = 2,
    BWC_BAY_STATE_IDENTIFIED = 3,
    BWC_BAY_STATE_BUSY = 4,
    BWC_BAY_STATE_FAULT = 5,
    BWC_BAY_STATE_QUARANTINE = 6,
};

enum bwc_bay_verdict {
    BWC_BAY_VERDICT_NONE = 0,
    BWC_BAY_VERDICT_TAKE_ME = 1,
    BWC_BAY_VERDICT_BUSY = 2,
    BWC_BAY_VERDICT_NEEDS_ATTENTION = 3,
    BWC_BAY_VERDICT_DO_NOT_USE = 4,
};

enum bwc_bye_reason {
    BWC_BYE_REASON_NORMAL = 1,
    BWC_BYE_REASON_BUSY = 2,
    BWC_BYE_REASON_UNKNOWN_LINK = 3,
    BWC_BYE_REASON_VERSION = 4,
    BWC_BYE_REASON_SILENT = 5,
    BWC_BYE_REASON_PROTOCOL = 6,
};

enum bwc_camera_state {
    BWC_CAMERA_STATE_BOOTING = 0,
    BWC_CAMERA_STATE_READY = 1,
    BWC_CAMERA_STATE_RECORDING = 2,
    BWC_CAMERA_STATE_POST_EVENT = 3,
    BWC_CAMERA_STATE_SLEEPING = 4,
    BWC_CAMERA_STATE_FAULT = 5,
};

#define BWC_CAPABILITY_SERIAL 0x1u
#define BWC_CAPABILITY_USB_BULK 0x2u
#define BWC_CAPABILITY_BLE 0x4u
#define BWC_CAPABILITY_CONFIG_UPLOAD 0x8u
#define BWC_CAPABILITY_STEALTH 0x10u
#define BWC_CAPABILITY_MUTE 0x20u
#define BWC_CAPABILITY_GNSS 0x40u
#define BWC_CAPABILITY_BENCH 0x80u
#define BWC_CAPABILITY_BAY_LIGHTS 0x100u
#define BWC_CAPABILITY_BAY_LOCKS 0x200u
#define BWC_CAPABILITY_LAB 0x40000000u
#define BWC_CAPABILITY_SIMULATOR 0x80000000u

enum bwc_charge_state {
    BWC_CHARGE_STATE_DISCHARGING = 0,
    BWC_CHARGE_STATE_CHARGING = 1,
    BWC_CHARGE_STATE_FULL = 2,
    BWC_CHARGE_STATE_STOPPED_BY_TEMPERATURE = 3,
    BWC_CHARGE_STATE_FAULT = 4,
    BWC_CHARGE_STATE_IDLE = 5,
};

enum bwc_clock_reason {
    BWC_CLOCK_REASON_ROUTINE = 1,
    BWC_CLOCK_REASON_FIRST_SET = 2,
    BWC_CLOCK_REASON_CORRECTION = 3,
    BWC_CLOCK_REASON_BENCH = 4,
};

enum bwc_clock_state {
    BWC_CLOCK_STATE_UNSET = 0,
    BWC_CLOCK_STATE_SYNCED = 1,
    BWC_CLOCK_STATE_HOLDOVER = 2,
};

enum bwc_config_view {
    BWC_CONFIG_VIEW_EFFECTIVE = 1,
    BWC_CONFIG_VIEW_PENDING = 2,
    BWC_CONFIG_VIEW_STAGED = 3,
};

enum bwc_error_code {
    BWC_ERROR_CODE_UNSUPPORTED = 1,
    BWC_ERROR_CODE_MALFORMED = 2,
    BWC_ERROR_CODE_NOT_PERMITTED = 3,
    BWC_ERROR_CODE_NOT_READY = 4,
    BWC_ERROR_CODE_BUSY = 5,
    BWC_ERROR_CODE_NOT_FOUND = 6,
    BWC_ERROR_CODE_CONFLICT = 7,
    BWC_ERROR_CODE_OUT_OF_RANGE = 8,
    BWC_ERROR_CODE_WRONG_STATE = 9,
    BWC_ERROR_CODE_NEEDS_RECEIPT = 10,
    BWC_ERROR_CODE_HELD = 11,
    BWC_ERROR_CODE_UNKNOWN_SETTING = 12,
    BWC_ERROR_CODE_WRONG_TYPE = 13,
    BWC_ERROR_CODE_IMPLAUSIBLE = 14,
    BWC_ERROR_CODE_STORAGE_FAULT = 15,
    BWC_ERROR_CODE_FULL = 16,
    BWC_ERROR_CODE_HASH_MISMATCH = 17,
    BWC_ERROR_CODE_INTERNAL = 18,
    BWC_ERROR_CODE_UNTRUSTED = 19,
    BWC_ERROR_CODE_PURPOSE_REFUSED = 20,
};

#define BWC_FAULT_CLOCK_UNSET 0x1u
#define BWC_FAULT_STORAGE_FULL 0x2u
#define BWC_FAULT_STORAGE_ERROR 0x4u
#define BWC_FAULT_BATTERY_LOW 0x8u
#define BWC_FAULT_BATTERY_TEMPERATURE 0x10u
#define BWC_FAULT_UNASSIGNED 0x20u
#define BWC_FAULT_SENSOR 0x40u
#define BWC_FAULT_AUDIO 0x80u

enum bwc_frame_type {
    BWC_FRAME_TYPE_HELLO = 1,
    BWC_FRAME_TYPE_HELLO_ACK = 2,
    BWC_FRAME_TYPE_DATA = 3,
    BWC_FRAME_TYPE_ACK = 4,
    BWC_FRAME_TYPE_RESET = 5,
    BWC_FRAME_TYPE_PING = 6,
    BWC_FRAME_TYPE_PONG = 7,
    BWC_FRAME_TYPE_BYE = 8,
};

enum bwc_led_meaning {
    BWC_LED_MEANING_OFF = 0,
    BWC_LED_MEANING_EMPTY = 1,
    BWC_LED_MEANING_CHARGING = 2,
    BWC_LED_MEANING_READY = 3,
    BWC_LED_MEANING_TRANSFERRING = 4,
    BWC_LED_MEANING_ATTENTION = 5,
    BWC_LED_MEANING_QUARANTINE = 6,
    BWC_LED_MEANING_IDENTIFY = 7,
    BWC_LED_MEANING_TAKE_ME = 8,
    BWC_LED_MEANING_IN_WORK = 9,
    BWC_LED_MEANING_NEEDS_ATTENTION = 10,
    BWC_LED_MEANING_DO_NOT_USE = 11,
};

#define BWC_MARK_MARKED 0x1u
#define BWC_MARK_HELD 0x2u
#define BWC_MARK_CUT 0x4u

enum bwc_peer_kind {
    BWC_PEER_KIND_HOST = 1,
    BWC_PEER_KIND_CAMERA = 2,
    BWC_PEER_KIND_STATION = 3,
};

enum bwc_pre_eol {
    BWC_PRE_EOL_UNDEFINED = 0,
    BWC_PRE_EOL_NORMAL = 1,
    BWC_PRE_EOL_WARNING = 2,
    BWC_PRE_EOL_URGENT = 3,
};

enum bwc_record_type {
    BWC_RECORD_TYPE_HANDSHAKE = 1,
    BWC_RECORD_TYPE_DATA = 2,
    BWC_RECORD_TYPE_ALERT = 3,
};

enum bwc_reset_reason {
    BWC_RESET_REASON_NORMAL = 1,
    BWC_RESET_REASON_UNDOCKED = 2,
    BWC_RESET_REASON_BUSY = 3,
    BWC_RESET_REASON_NO_DEVICE = 4,
    BWC_RESET_REASON_OVERFLOW = 5,
    BWC_RESET_REASON_TIMEOUT = 6,
    BWC_RESET_REASON_PROTOCOL = 7,
    BWC_RESET_REASON_ANSWER = 8,
    BWC_RESET_REASON_REFUSED = 9,
    BWC_RESET_REASON_NOT_ENROLLED = 10,
};

#define BWC_ROLE_TECHNICIAN 0x1u
#define BWC_ROLE_DOCK_OFFLOAD 0x2u
#define BWC_ROLE_DESTINATION 0x4u
#define BWC_ROLE_AUDITOR 0x8u
#define BWC_ROLE_BENCH 0x10u
#define BWC_ROLE_RECORDS 0x20u
#define BWC_ROLE_EVIDENCE_RECIPIENT 0x40u
#define BWC_ROLE_ENROLLER 0x80u

enum bwc_setting_type {
    BWC_SETTING_TYPE_BOOL = 1,
    BWC_SETTING_TYPE_INT = 2,
    BWC_SETTING_TYPE_CHOICE = 3,
    BWC_SETTING_TYPE_TEXT = 4,
};

#define BWC_STATION_FAULT_CLOCK_UNSET 0x1u
#define BWC_STATION_FAULT_SUPPLY 0x2u
#define BWC_STATION_FAULT_QUARANTINE 0x4u

enum bwc_takes_effect {
    BWC_TAKES_EFFECT_AT_ONCE = 1,
    BWC_TAKES_EFFECT_ON_UNDOCK = 2,
    BWC_TAKES_EFFECT_ON_REBOOT = 3,
};

enum bwc_test_result {
    BWC_TEST_RESULT_PASSED = 0,
    BWC_TEST_RESULT_FAILED = 1,
    BWC_TEST_RESULT_SKIPPED = 2,
};

enum bwc_time_assurance {
    BWC_TIME_ASSURANCE_NOT_STATED = 0,
    BWC_TIME_ASSURANCE_VERIFIED = 1,
    BWC_TIME_ASSURANCE_UNVERIFIED = 2,
};

enum bwc_time_source {
    BWC_TIME_SOURCE_UNSYNCHRONISED = 0,
    BWC_TIME_SOURCE_NTP = 1,
    BWC_TIME_SOURCE_NTS = 2,
    BWC_TIME_SOURCE_PTP = 3,
    BWC_TIME_SOURCE_GNSS = 4,
    BWC_TIME_SOURCE_OPERATOR = 5,
};

enum bwc_trigger_reason {
    BWC_TRIGGER_REASON_OFFICER_BUTTON = 1,
    BWC_TRIGGER_REASON_REMOTE = 2,
    BWC_TRIGGER_REASON_SIGNAL_PEER = 3,
    BWC_TRIGGER_REASON_HOLSTER = 4,
    BWC_TRIGGER_REASON_VEHICLE = 5,
    BWC_TRIGGER_REASON_BENCH = 6,
};

/* Opcodes, and the roles that carry each command. */
enum {
    BWC_OP_SESSION_INFO = 0x0001,
    BWC_OP_SESSION_READY = 0x0002,
    BWC_OP_ERROR = 0x0003,
    BWC_OP_STREAM_CREDIT = 0x0010,
    BWC_OP_STREAM_END = 0x0012,
    BWC_OP_STREAM_CANCEL = 0x0013,
    BWC_OP_DEVICE_IDENTIFY = 0x0101,
    BWC_OP_DEVICE_CAPABILITIES = 0x0102,
    BWC_OP_DEVICE_STATUS = 0x0103,
    BWC_OP_DEVICE_SELF_TEST = 0x0104,
    BWC_OP_DEVICE_REBOOT = 0x0105,
    BWC_OP_DEVICE_STATE_CHANGED = 0x01f0,
    BWC_OP_BATTERY_STATUS = 0x0201,
    BWC_OP_BATTERY_ALARM = 0x02f0,
    BWC_OP_STORAGE_STATUS = 0x0301,
    BWC_OP_STORAGE_HEALTH = 0x0302,
    BWC_OP_CLOCK_READ = 0x0401,
    BWC_OP_CLOCK_EXCHANGE = 0x0402,
    BWC_OP_CLOCK_SET = 0x0403,
    BWC_OP_CLOCK_CHANGED = 0x04f0,
    BWC_OP_CONFIG_SCHEMA = 0x0501,
    BWC_OP_CONFIG_READ = 0x0502,
    BWC_OP_CONFIG_STATE = 0x0503,
    BWC_OP_CONFIG_STAGE = 0x0504,
    BWC_OP_CONFIG_COMMIT = 0x0505,
    BWC_OP_CONFIG_ABORT = 0x0506,
    BWC_OP_CONFIG_UPLOAD = 0x0507,
    BWC_OP_CONFIG_APPLIED = 0x05f0,
    BWC_OP_RECORDINGS_PAGE = 0x0601,
    BWC_OP_RECORDINGS_MANIFEST = 0x0602,
    BWC_OP_RECORDINGS_TABLE = 0x0603,
    BWC_OP_RECORDINGS_OPEN = 0x0604,
    BWC_OP_RECORDINGS_ANNOTATIONS = 0x0605,
    BWC_OP_RECORDINGS_MARK = 0x0606,
    BWC_OP_RECORDINGS_CATEGORISE = 0x0607,
    BWC_OP_RECORDINGS_HOLD = 0x0608,
    BWC_OP_RECORDINGS_LIFT = 0x0609,
    BWC_OP_RECORDINGS_ERASE = 0x060a,
    BWC_OP_RECORDINGS_CASE = 0x060b,
    BWC_OP_RECORDINGS_REVIEW = 0x060c,
    BWC_OP_RECORDINGS_RECEIPT = 0x060d,
    BWC_OP_RECORDINGS_TOMBSTONES = 0x060e,
    BWC_OP_RECORDINGS_RELEASE = 0x060f,
    BWC_OP_RECORDINGS_CLOSED = 0x06f0,
    BWC_OP_ASSIGNMENT_READ = 0x0701,
    BWC_OP_ASSIGNMENT_ASSIGN = 0x0702,
    BWC_OP_ASSIGNMENT_CLEAR = 0x0703,
    BWC_OP_AUDIT_PAGE = 0x0801,
    BWC_OP_AUDIT_HEAD = 0x0802,
    BWC_OP_BENCH_STATE = 0x0901,
    BWC_OP_BENCH_CHARGE = 0x0902,
    BWC_OP_BENCH_CLOCK = 0x0903,
    BWC_OP_BENCH_FILL = 0x0904,
    BWC_OP_BENCH_RECORD = 0x0905,
    BWC_OP_BENCH_RESTORE = 0x0906,
    BWC_OP_STATION_STATUS = 0x0a01,
    BWC_OP_STATION_BAYS = 0x0a02,
    BWC_OP_STATION_BAY = 0x0a03,
    BWC_OP_STATION_POWER = 0x0a04,
    BWC_OP_STATION_DATA = 0x0a05,
    BWC_OP_STATION_IDENTIFY = 0x0a06,
    BWC_OP_STATION_RELEASE = 0x0a07,
    BWC_OP_STATION_LEASE = 0x0a08,
    BWC_OP_STATION_VERDICT = 0x0a09,
    BWC_OP_STATION_LOCK = 0x0a0a,
    BWC_OP_STATION_DOCKED = 0x0af0,
    BWC_OP_STATION_UNDOCKED = 0x0af1,
    BWC_OP_STATION_ALARM = 0x0af2,
    BWC_OP_STATION_BAY_CHANGED = 0x0af3,
    BWC_OP_TRUST_READ = 0x0b01,
    BWC_OP_TRUST_REQUEST = 0x0b02,
    BWC_OP_TRUST_ENROLL = 0x0b03,
    BWC_OP_TRUST_RENEW = 0x0b04,
    BWC_OP_TRUST_DENY_LIST = 0x0b05,
    BWC_OP_TRUST_READ_DENY_LIST = 0x0b06,
    BWC_OP_TRUST_NONCE = 0x0b07,
    BWC_OP_TRUST_ORDER = 0x0b08,
    BWC_OP_TRUST_DESIRED = 0x0b09,
    BWC_OP_TRUST_RESET_RECORD = 0x0b0a,
    BWC_OP_TRUST_CHALLENGE = 0x0b0b,
    BWC_OP_TRUST_PROVE = 0x0b0c,
    BWC_OP_TRUST_SEIZE = 0x0b0d,
    BWC_ROLES_DEVICE_IDENTIFY = 0xbf,
    BWC_ROLES_DEVICE_CAPABILITIES = 0x3f,
    BWC_ROLES_DEVICE_STATUS = 0x3f,
    BWC_ROLES_DEVICE_SELF_TEST = 0x13,
    BWC_ROLES_DEVICE_REBOOT = 0x11,
    BWC_ROLES_BATTERY_STATUS = 0x3f,
    BWC_ROLES_STORAGE_STATUS = 0x3f,
    BWC_ROLES_STORAGE_HEALTH = 0x3f,
    BWC_ROLES_CLOCK_READ = 0x3f,
    BWC_ROLES_CLOCK_EXCHANGE = 0x3f,
    BWC_ROLES_CLOCK_SET = 0x13,
    BWC_ROLES_CONFIG_SCHEMA = 0x3f,
    BWC_ROLES_CONFIG_READ = 0x3f,
    BWC_ROLES_CONFIG_STATE = 0x3f,
    BWC_ROLES_CONFIG_STAGE = 0x11,
    BWC_ROLES_CONFIG_COMMIT = 0x11,
    BWC_ROLES_CONFIG_ABORT = 0x11,
    BWC_ROLES_CONFIG_UPLOAD = 0x11,
    BWC_ROLES_RECORDINGS_PAGE = 0x3f,
    BWC_ROLES_RECORDINGS_MANIFEST = 0x3f,
    BWC_ROLES_RECORDINGS_TABLE = 0x16,
    BWC_ROLES_RECORDINGS_OPEN = 0x16,
    BWC_ROLES_RECORDINGS_ANNOTATIONS = 0x3f,
    BWC_ROLES_RECORDINGS_MARK = 0x37,
    BWC_ROLES_RECORDINGS_CATEGORISE = 0x37,
    BWC_ROLES_RECORDINGS_HOLD = 0x37,
    BWC_ROLES_RECORDINGS_LIFT = 0x30,
    BWC_ROLES_RECORDINGS_ERASE = 0x16,
    BWC_ROLES_RECORDINGS_CASE = 0x37,
    BWC_ROLES_RECORDINGS_REVIEW = 0x37,
    BWC_ROLES_RECORDINGS_RECEIPT = 0x16,
    BWC_ROLES_RECORDINGS_TOMBSTONES = 0x3f,
    BWC_ROLES_RECORDINGS_RELEASE = 0x3f,
    BWC_ROLES_ASSIGNMENT_READ = 0x3f,
    BWC_ROLES_ASSIGNMENT_ASSIGN = 0x11,
    BWC_ROLES_ASSIGNMENT_CLEAR = 0x11,
    BWC_ROLES_AUDIT_PAGE = 0x1b,
    BWC_ROLES_AUDIT_HEAD = 0x1b,
    BWC_ROLES_BENCH_STATE = 0x10,
    BWC_ROLES_BENCH_CHARGE = 0x10,
    BWC_ROLES_BENCH_CLOCK = 0x10,
    BWC_ROLES_BENCH_FILL = 0x10,
    BWC_ROLES_BENCH_RECORD = 0x10,
    BWC_ROLES_BENCH_RESTORE = 0x10,
    BWC_ROLES_STATION_STATUS = 0x3f,
    BWC_ROLES_STATION_BAYS = 0x3f,
    BWC_ROLES_STATION_BAY = 0x3f,
    BWC_ROLES_STATION_POWER = 0x13,
    BWC_ROLES_STATION_DATA = 0x13,
    BWC_ROLES_STATION_IDENTIFY = 0x13,
    BWC_ROLES_STATION_RELEASE = 0x11,
    BWC_ROLES_STATION_LEASE = 0x13,
    BWC_ROLES_STATION_VERDICT = 0x13,
    BWC_ROLES_STATION_LOCK = 0x13,
    BWC_ROLES_TRUST_READ = 0xbf,
    BWC_ROLES_TRUST_REQUEST = 0x83,
    BWC_ROLES_TRUST_ENROLL = 0x80,
    BWC_ROLES_TRUST_RENEW = 0x3,
    BWC_ROLES_TRUST_DENY_LIST = 0x3f,
    BWC_ROLES_TRUST_READ_DENY_LIST = 0x3f,
    BWC_ROLES_TRUST_NONCE = 0x33,
    BWC_ROLES_TRUST_ORDER = 0x33,
    BWC_ROLES_TRUST_DESIRED = 0x33,
    BWC_ROLES_TRUST_RESET_RECORD = 0xbf,
    BWC_ROLES_TRUST_CHALLENGE = 0x37,
    BWC_ROLES_TRUST_PROVE = 0x37,
    BWC_ROLES_TRUST_SEIZE = 0x33,
};

struct bwc_session_info { /* First message of each side inside the session: binds the preambles and says who speaks. */
    const uint8_t *preambles_sha256; /* SHA-256 of the host's preamble followed by the device's */
    uint8_t major; /* protocol version chosen, major */
    uint8_t minor; /* protocol version chosen, minor */
    uint8_t kind; /* what the sender is */
    uint32_t roles; /* roles of a host; 0 from a device */
    struct bwc_bytes identity; /* name in the sender's certificate; a device's serial number */
    uint64_t capabilities; /* low 32 bits: those of device.capabilities; the others 0, ignored; 0 from a host */
    uint32_t boot_counter; /* boots of a device since it was made; 0 from a host */
    const uint8_t *firmware_sha256; /* SHA-256 of a device's firmware; zeros from a host */
    uint32_t deny_counter; /* counter of the newest deny list that the sender holds; 0 = none */
};
extern const struct bwc_table BWC_TABLE_SESSION_INFO;

extern const struct bwc_table BWC_TABLE_READY;

struct bwc_error_reply { /* The answer to a request that was not carried out; sent with the request's opcode and the ERROR flag. */
    uint8_t code; /* why */
    uint32_t retry_after_ms; /* when to ask again; 0 = no statement [ms] */
    struct bwc_bytes detail; /* for a log; never needed to decide */
};
extern const struct bwc_table BWC_TABLE_ERROR_REPLY;

struct bwc_stream_credit { /* The receiver of a stream allows its bytes up to `limit`; never less than before. */
    uint64_t limit; /* offset that the sender may not pass [byte] */
};
extern const struct bwc_table BWC_TABLE_STREAM_CREDIT;

struct bwc_stream_end { /* From the sender: everything was sent. From the receiver of an upload: its verdict. */
    uint64_t offset; /* bytes of the stream in all [byte] */
    uint16_t code; /* 0 = success, else an error code */
    struct bwc_bytes detail; /* for a log */
};
extern const struct bwc_table BWC_TABLE_STREAM_END;

struct bwc_stream_cancel { /* Either side gives the stream up; nothing more is sent on it, and what is under way is dropped. */
    uint16_t code; /* 0 = no longer wanted, else an error code */
};
extern const struct bwc_table BWC_TABLE_STREAM_CANCEL;

struct bwc_state_changed { /* The device changed state or faults. */
    uint8_t state; /* what it is doing now */
    uint32_t faults; /* faults that are present now */
};
extern const struct bwc_table BWC_TABLE_STATE_CHANGED;

struct bwc_battery_alarm { /* The charge fell below the alarm level, or the temperature left its range. */
    uint8_t cell; /* cell, from 0 */
    uint8_t charge_pct; /* state of charge [%] */
    int16_t temperature_dc; /* cell temperature, tenths of a degree [0.1 °C] */
};
extern const struct bwc_table BWC_TABLE_BATTERY_ALARM;

struct bwc_clock_changed { /* The clock was set or lost its time. */
    uint8_t state; /* its state now */
    uint32_t revision; /* its revision now */
};
extern const struct bwc_table BWC_TABLE_CLOCK_CHANGED;

struct bwc_config_applied { /* A configuration was applied, or a pending one took effect. */
    uint32_t revision; /* counts applies */
    uint8_t effective; /* whether nothing is pending */
};
extern const struct bwc_table BWC_TABLE_CONFIG_APPLIED;

struct bwc_recording_closed { /* A recording was closed and can be listed. */
    const uint8_t *recording; /* recording id */
    uint32_t sequence; /* its sequence number */
};
extern const struct bwc_table BWC_TABLE_RECORDING_CLOSED;

struct bwc_docked { /* Something was put into a bay. */
    uint16_t bay; /* bay, from 1 */
    uint32_t docking; /* its number among the dockings of this bay */
};
extern const struct bwc_table BWC_TABLE_DOCKED;

struct bwc_undocked { /* A bay was emptied. */
    uint16_t bay; /* bay, from 1 */
    uint32_t docking; /* the docking that ended */
};
extern const struct bwc_table BWC_TABLE_UNDOCKED;

struct bwc_bay_alarmed { /* A bay was switched off and quarantined. */
    uint16_t bay; /* bay, from 1 */
    uint32_t alarms; /* why */
    int16_t temperature_dc; /* temperature at the contacts, tenths of a degree [0.1 °C] */
    uint32_t incident; /* its number among the quarantines of this bay */
};
extern const struct bwc_table BWC_TABLE_BAY_ALARMED;

struct bwc_bay_changed { /* A bay changed its state; since 1.2 also: its verdict or its lock. */
    uint16_t bay; /* bay, from 1 */
    uint8_t state; /* where it stands now */
    uint32_t docking; /* the docking that this is about */
    uint8_t verdict; /* a host's verdict that is in force */
    uint8_t locked; /* whether it is locked */
};
extern const struct bwc_table BWC_TABLE_BAY_CHANGED;

struct bwc_setting { /* One value: `number` for bool (0, 1) and int, `text` for choice and text. */
    struct bwc_bytes key; /* dotted name, such as recording.pre_event_s */
    uint8_t type; /* type of the value */
    int64_t number; /* value of a bool or an int */
    struct bwc_bytes text; /* value of a choice or a text */
};
extern const struct bwc_table BWC_TABLE_SETTING;

struct bwc_config_document { /* What `config.upload` carries. */
    struct bwc_items settings; /* values, of bwc_setting */
};
extern const struct bwc_table BWC_TABLE_CONFIG_DOCUMENT;

extern const struct bwc_table BWC_TABLE_IDENTIFY;

struct bwc_device_identity { /* Who and what the device is. */
    uint8_t kind; /* camera or station */
    struct bwc_bytes manufacturer; /* manufacturer */
    struct bwc_bytes model; /* model */
    struct bwc_bytes serial; /* serial number, unique within the manufacturer */
    struct bwc_bytes hardware; /* hardware revision */
    struct bwc_bytes firmware; /* firmware version */
    const uint8_t *firmware_sha256; /* SHA-256 of the running firmware */
    uint32_t boot_counter; /* boots since the device was made */
    uint8_t simulator; /* whether this is a simulator */
};
extern const struct bwc_table BWC_TABLE_DEVICE_IDENTITY;

extern const struct bwc_table BWC_TABLE_READ_CAPABILITIES;

struct bwc_device_capabilities { /* What the device can do, and its limits. */
    uint32_t capabilities; /* what it can do beyond the obligatory */
    uint8_t max_streams; /* bulk streams open at once, at most 8 */
    uint8_t max_requests; /* requests outstanding at once, 1 to 16 */
    uint8_t battery_cells; /* battery cells that can be read */
    uint32_t config_keys; /* settings in its schema */
    uint16_t max_request; /* longest body of a request that it takes, at least 512; 0 = any [byte] */
};
extern const struct bwc_table BWC_TABLE_DEVICE_CAPABILITIES;

extern const struct bwc_table BWC_TABLE_READ_STATUS;

struct bwc_device_status { /* What the device is doing. */
    uint8_t state; /* what it is doing */
    uint8_t docked; /* whether it stands in a dock */
    uint32_t uptime_s; /* time since boot [s] */
    uint32_t faults; /* faults that are present */
    uint8_t streams; /* bulk streams that are open */
    uint32_t boot_counter; /* boots since the device was made */
    struct bwc_bytes seized_for; /* case that it is seized for; nothing while it is not */
};
extern const struct bwc_table BWC_TABLE_DEVICE_STATUS;

extern const struct bwc_table BWC_TABLE_SELF_TEST;

struct bwc_self_test_step { /* One step of a self-test. */
    struct bwc_bytes name; /* what was tested */
    uint8_t result; /* its outcome */
    struct bwc_bytes detail; /* the measured value or the reason */
};
extern const struct bwc_table BWC_TABLE_SELF_TEST_STEP;

struct bwc_self_test_report { /* A finished self-test. */
    uint8_t passed; /* whether no step failed */
    struct bwc_items steps; /* the steps in their order, of bwc_self_test_step */
};
extern const struct bwc_table BWC_TABLE_SELF_TEST_REPORT;

struct bwc_reboot { /* Reboot, if the device still is in the boot that the caller saw. */
    uint32_t boot_counter; /* boot counter that the caller read */
};
extern const struct bwc_table BWC_TABLE_REBOOT;

struct bwc_reboot_accepted { /* The device will reboot. */
    uint32_t delay_ms; /* time until the links drop [ms] */
};
extern const struct bwc_table BWC_TABLE_REBOOT_ACCEPTED;

struct bwc_read_battery { /* Read level, load and health of one cell. */
    uint8_t cell; /* cell, from 0 */
};
extern const struct bwc_table BWC_TABLE_READ_BATTERY;

struct bwc_battery_status { /* One cell: level, load and health. */
    uint8_t charge_pct; /* state of charge [%] */
    uint8_t state; /* what the charger does */
    uint16_t voltage_mv; /* terminal voltage under the present load [mV] */
    int32_t current_ma; /* current; positive while charging [mA] */
    int16_t temperature_dc; /* cell temperature, tenths of a degree [0.1 °C] */
    uint16_t cycles; /* equivalent full cycles */
    uint8_t health_pct; /* state of health: capacity against the capacity when new [%] */
    uint32_t time_left_s; /* time left at the present load; not known while charging [s] */
};
extern const struct bwc_table BWC_TABLE_BATTERY_STATUS;

extern const struct bwc_table BWC_TABLE_READ_STORAGE;

struct bwc_storage_status { /* How full the storage is. */
    uint64_t capacity_bytes; /* room for recordings in all [byte] */
    uint64_t free_bytes; /* room that is left [byte] */
    uint32_t recording_time_left_s; /* time that fits at the configured quality [s] */
    uint32_t recordings; /* recordings that it closed and did not erase, those that it cannot list included */
    uint32_t held; /* of these, protected by a hold */
    uint8_t full; /* whether recording stopped for want of room */
};
extern const struct bwc_table BWC_TABLE_STORAGE_STATUS;

extern const struct bwc_table BWC_TABLE_READ_STORAGE_HEALTH;

struct bwc_storage_health { /* The eMMC health registers as the chip reports them (JEDEC JESD84-B51, EXT_CSD). */
    uint8_t ext_csd_rev; /* EXT_CSD_REV, byte 192; below 7 the health registers mean nothing */
    uint8_t pre_eol; /* PRE_EOL_INFO, byte 267 */
    uint8_t life_time_a; /* DEVICE_LIFE_TIME_EST_TYP_A, byte 268: 1 = 0-10 % used … 11 = exceeded */
    uint8_t life_time_b; /* DEVICE_LIFE_TIME_EST_TYP_B, byte 269: as A */
    uint16_t bad_blocks; /* blocks that were retired */
    uint64_t written_bytes; /* bytes written since the device was made [byte] */
};
extern const struct bwc_table BWC_TABLE_STORAGE_HEALTH;

extern const struct bwc_table BWC_TABLE_READ_CLOCK;

struct bwc_clock_reading { /* The clock as the device sees it. */
    int64_t utc_ns; /* the device's time [ns] */
    uint8_t state; /* whether that time can be relied on */
    uint64_t uncertainty_ns; /* bound of its error; grows until the next set [ns] */
    uint8_t source; /* where the last set had its time from */
    int64_t last_set_utc_ns; /* when it was last set; 0 = never [ns] */
    uint32_t revision; /* counts sets; the precondition of the next */
    uint8_t assurance; /* what the last set's word on its source is worth */
};
extern const struct bwc_table BWC_TABLE_CLOCK_READING;

struct bwc_exchange_time { /* Exchange time stamps, to measure offset and delay without changing anything. */
    int64_t host_sent_ns; /* t1, the host's time when it sent this [ns] */
};
extern const struct bwc_table BWC_TABLE_EXCHANGE_TIME;

struct bwc_clock_exchange { /* The device's half of a four-time-stamp exchange (as in NTP, RFC 5905 section 8). */
    int64_t host_sent_ns; /* t1, as the host sent it [ns] */
    int64_t device_received_ns; /* t2, the device's time when the request came [ns] */
    int64_t device_sent_ns; /* t3, the device's time when the reply left [ns] */
    uint32_t revision; /* counts sets: exchanges of different revisions must not be mixed */
};
extern const struct bwc_table BWC_TABLE_CLOCK_EXCHANGE;

struct bwc_set_clock { /* Add a measured offset to the clock, within the limits of the reason; audited. */
    int64_t offset_ns; /* what to add to the device's time [ns] */
    uint64_t uncertainty_ns; /* bound of the error of that offset: of the measurement and of the host's time [ns] */
    uint8_t reason; /* why */
    uint8_t source; /* where the host has its time from */
    uint32_t revision; /* revision that the offset was measured at */
    uint8_t assurance; /* what that word is worth */
};
extern const struct bwc_table BWC_TABLE_SET_CLOCK;

struct bwc_clock_set { /* What the set did. */
    int64_t before_utc_ns; /* the device's time just before [ns] */
    int64_t after_utc_ns; /* the device's time just after [ns] */
    uint32_t revision; /* the new revision */
};
extern const struct bwc_table BWC_TABLE_CLOCK_SET;

struct bwc_read_schema { /* Read a page of the schema. */
    uint16_t start; /* index of the first setting wanted */
};
extern const struct bwc_table BWC_TABLE_READ_SCHEMA;

struct bwc_setting_schema { /* What a setting may be. */
    struct bwc_bytes key; /* dotted name */
    uint8_t type; /* type of the value */
    int64_t low; /* smallest int; least bytes of a text */
    int64_t high; /* largest int; most bytes of a text */
    struct bwc_bytes unit; /* unit of an int */
    struct bwc_bytes choices; /* the values of a choice, separated by | */
    int64_t default_number; /* default of a bool or an int */
    struct bwc_bytes default_text; /* default of a choice or a text */
    uint8_t takes_effect; /* when an applied value becomes effective */
    struct bwc_bytes doc; /* one line */
};
extern const struct bwc_table BWC_TABLE_SETTING_SCHEMA;

struct bwc_schema_page { /* A page of the schema. */
    struct bwc_items settings; /* in the order of their keys, of bwc_setting_schema */
    uint16_t next; /* where the next page begins; 0 = this was the last */
};
extern const struct bwc_table BWC_TABLE_SCHEMA_PAGE;

struct bwc_read_config { /* Read a page of values. */
    uint8_t view; /* which values */
    uint16_t start; /* index of the first setting wanted */
};
extern const struct bwc_table BWC_TABLE_READ_CONFIG;

struct bwc_config_page { /* A page of values. */
    uint32_t revision; /* revision of the applied configuration: pages of different revisions do not fit */
    struct bwc_items settings; /* in the order of their keys, of bwc_setting */
    uint16_t next; /* where the next page begins; 0 = this was the last */
};
extern const struct bwc_table BWC_TABLE_CONFIG_PAGE;

extern const struct bwc_table BWC_TABLE_READ_CONFIG_STATE;

struct bwc_config_state { /* Where the configuration stands. */
    uint32_t revision; /* counts applies */
    uint32_t effective_revision; /* the revision that is wholly in effect */
    uint16_t staged; /* settings that are staged */
    uint16_t pending; /* settings that are applied and not yet in effect */
};
extern const struct bwc_table BWC_TABLE_CONFIG_STATE;

struct bwc_stage_config { /* Validate values and add them to what is staged; all of them or none. */
    uint32_t revision; /* revision that the values were chosen against */
    struct bwc_items settings; /* values, of bwc_setting */
};
extern const struct bwc_table BWC_TABLE_STAGE_CONFIG;

struct bwc_apply_config { /* Apply everything that is staged in one transaction; it survives a power cut whole or not at all. */
    uint32_t revision; /* revision that was read before staging */
};
extern const struct bwc_table BWC_TABLE_APPLY_CONFIG;

extern const struct bwc_table BWC_TABLE_ABORT_CONFIG;

extern const struct bwc_table BWC_TABLE_DONE;

struct bwc_upload_config { /* Stage a whole configuration by a stream: `ConfigDocument` bytes, validated when the last one came. */
    uint32_t revision; /* revision that the values were chosen against */
    uint32_t length; /* bytes of the document [byte] */
    const uint8_t *sha256; /* SHA-256 of the document */
};
extern const struct bwc_table BWC_TABLE_UPLOAD_CONFIG;

struct bwc_stream_opened { /* The stream that the request opened exists under the request's id; it waits for credit. */
    uint64_t length; /* bytes that will follow [byte] */
};
extern const struct bwc_table BWC_TABLE_STREAM_OPENED;

struct bwc_list_recordings { /* Read a page of the recordings whose sequence number is above the cursor. */
    uint32_t after; /* cursor: the last sequence number that is known; 0 = from the first */
    uint16_t limit; /* entries wanted */
};
extern const struct bwc_table BWC_TABLE_LIST_RECORDINGS;

struct bwc_recording_entry { /* One recording in a listing. */
    const uint8_t *recording; /* recording id */
    uint32_t sequence; /* counts recordings of this camera; a gap is a loss */
    int64_t started_utc_ns; /* begin, with the pre-event footage [ns] */
    uint32_t duration_ms; /* length [ms] */
    uint64_t size_bytes; /* all segments together [byte] */
    uint16_t segments; /* segments */
    uint8_t trigger; /* what started it */
    uint32_t marks; /* what is known beside the manifest */
    const uint8_t *manifest_sha256; /* SHA-256 of the manifest */
    uint32_t annotations; /* annotations so far */
    struct bwc_bytes category; /* category, or nothing */
    const uint8_t *annotations_sha256; /* head of their chain; zeros of a device that keeps none */
};
extern const struct bwc_table BWC_TABLE_RECORDING_ENTRY;

struct bwc_list_page { /* A page of the listing, in the order of sequence numbers. */
    struct bwc_items recordings; /* entries, of bwc_recording_entry */
    uint32_t next; /* cursor of the next page; 0 = this was the last */
    uint32_t total; /* recordings that it closed and did not erase, those that it cannot list included */
};
extern const struct bwc_table BWC_TABLE_LIST_PAGE;

struct bwc_read_manifest { /* Read the manifest of a recording. */
    const uint8_t *recording; /* recording id */
};
extern const struct bwc_table BWC_TABLE_READ_MANIFEST;

struct bwc_manifest_reply { /* A recording's manifest, byte for byte as it was closed. */
    struct bwc_bytes manifest; /* manifest: deterministic CBOR */
    struct bwc_bytes signature; /* the device's signature over it; empty of a device that belongs to no agency */
};
extern const struct bwc_table BWC_TABLE_MANIFEST_REPLY;

struct bwc_open_table { /* Open the chunk table of a segment as a stream: 32 bytes of SHA-256 a chunk. */
    const uint8_t *recording; /* recording id */
    const uint8_t *manifest_sha256; /* manifest that the caller goes by; CONFLICT if it is another */
    uint16_t segment; /* segment, from 0 */
};
extern const struct bwc_table BWC_TABLE_OPEN_TABLE;

struct bwc_open_segment { /* Open stored bytes of a segment as a stream. */
    const uint8_t *recording; /* recording id */
    const uint8_t *manifest_sha256; /* manifest that the caller goes by; CONFLICT if it is another */
    uint16_t segment; /* segment, from 0 */
    uint64_t offset; /* first byte wanted [byte] */
    uint64_t length; /* bytes wanted, never cut short; 0 = all from the offset to the end [byte] */
};
extern const struct bwc_table BWC_TABLE_OPEN_SEGMENT;

struct bwc_read_annotations { /* Read a page of a recording's annotations. */
    const uint8_t *recording; /* recording id */
    uint16_t start; /* index of the first wanted */
};
extern const struct bwc_table BWC_TABLE_READ_ANNOTATIONS;

struct bwc_annotation { /* A later statement about a recording; in the camera's chain, never changed. */
    int64_t utc_ns; /* when, by the camera's clock [ns] */
    uint8_t kind; /* what it says */
    struct bwc_bytes actor; /* identity of the host that made it; the camera's own if a button did */
    struct bwc_bytes text; /* category, reason, note, or officer and unit */
    struct bwc_bytes hold; /* id of the hold that was placed or lifted */
    struct bwc_bytes case_; /* case number, or that of a hold */
    struct bwc_bytes authority; /* on whose authority it is held */
};
extern const struct bwc_table BWC_TABLE_ANNOTATION;

struct bwc_annotation_page { /* Annotations of one recording, oldest first. */
    struct bwc_items annotations; /* annotations, of bwc_annotation */
    uint16_t next; /* index where the next page begins; 0 = this was the last */
    struct bwc_bytes signature; /* on the last page: the device's over the head of them all; empty without an identity */
};
extern const struct bwc_table BWC_TABLE_ANNOTATION_PAGE;

struct bwc_mark_recording { /* Mark or unmark a recording; marked ones are offloaded first. */
    const uint8_t *recording; /* recording id */
    const uint8_t *manifest_sha256; /* manifest that the caller goes by */
    uint8_t marked; /* marked or not */
};
extern const struct bwc_table BWC_TABLE_MARK_RECORDING;

struct bwc_annotation_state { /* Where the recording stands after an annotation. */
    uint32_t marks; /* marks now */
    uint32_t annotations; /* annotations now */
    struct bwc_bytes category; /* category now */
    const uint8_t *annotations_sha256; /* head of the chain now */
    uint16_t holds; /* holds that are not lifted */
    struct bwc_bytes case_; /* case number now */
};
extern const struct bwc_table BWC_TABLE_ANNOTATION_STATE;

struct bwc_categorise_recording { /* Give a recording a category. */
    const uint8_t *recording; /* recording id */
    const uint8_t *manifest_sha256; /* manifest that the caller goes by */
    struct bwc_bytes category; /* category of the agency's list */
};
extern const struct bwc_table BWC_TABLE_CATEGORISE_RECORDING;

struct bwc_hold_recording { /* Protect a recording from erasure, at once; it is held while one hold is left. */
    const uint8_t *recording; /* recording id */
    const uint8_t *manifest_sha256; /* manifest that the caller goes by */
    struct bwc_bytes reason; /* why; goes into the log */
    struct bwc_bytes hold; /* id of the hold; the same one again says it anew, and is no second hold */
    struct bwc_bytes case_; /* case that it is for */
    struct bwc_bytes authority; /* on whose authority */
};
extern const struct bwc_table BWC_TABLE_HOLD_RECORDING;

struct bwc_lift_hold { /* Lift one hold; by the records office, not by whoever may place one. */
    const uint8_t *recording; /* recording id */
    const uint8_t *manifest_sha256; /* manifest that the caller goes by */
    struct bwc_bytes reason; /* why; goes into the log */
    struct bwc_bytes hold; /* id of the hold */
};
extern const struct bwc_table BWC_TABLE_LIFT_HOLD;

struct bwc_erase_recording { /* Erase a recording that is released: a signed tombstone stays. Repeating it is success. */
    const uint8_t *recording; /* recording id */
    const uint8_t *manifest_sha256; /* manifest that the caller goes by */
    const uint8_t *annotations_sha256; /* head of the annotations that the caller goes by */
};
extern const struct bwc_table BWC_TABLE_ERASE_RECORDING;

struct bwc_assign_case { /* Say which case a recording belongs to. */
    const uint8_t *recording; /* recording id */
    const uint8_t *manifest_sha256; /* manifest that the caller goes by */
    struct bwc_bytes case_; /* case number */
};
extern const struct bwc_table BWC_TABLE_ASSIGN_CASE;

struct bwc_review_recording { /* Say that a recording was reviewed. */
    const uint8_t *recording; /* recording id */
    const uint8_t *manifest_sha256; /* manifest that the caller goes by */
    struct bwc_bytes note; /* what was found, or nothing */
};
extern const struct bwc_table BWC_TABLE_REVIEW_RECORDING;

struct bwc_deliver_receipt { /* Have the device keep a receipt (spec: Receipts and erasing), whoever brings it. */
    const uint8_t *recording; /* recording id */
    struct bwc_bytes receipt; /* the signed document */
};
extern const struct bwc_table BWC_TABLE_DELIVER_RECEIPT;

struct bwc_kept_receipt { /* A receipt that the device keeps, and that counts for what the recording is now. */
    const uint8_t *sha256; /* SHA-256 of its payload */
    struct bwc_bytes destination; /* id of the destination that signed it */
};
extern const struct bwc_table BWC_TABLE_KEPT_RECEIPT;

struct bwc_release_state { /* Whether a recording may be erased, and what it lacks. */
    struct bwc_items receipts; /* those that count, one for each destination, of bwc_kept_receipt */
    uint16_t needed; /* destinations that have to have it */
    uint16_t holds; /* holds that are not lifted */
    uint32_t left_min; /* powered minutes for which it stays; 0 while receipts are missing [min] */
    uint8_t proof_needed; /* somebody has to prove first that the footage can be opened */
    uint8_t released; /* whether it may be erased now */
};
extern const struct bwc_table BWC_TABLE_RELEASE_STATE;

struct bwc_read_tombstones { /* Read a page of the tombstones whose counter is above the cursor. */
    uint32_t after; /* cursor: the last counter that is known; 0 = from the first */
    uint16_t limit; /* tombstones wanted */
};
extern const struct bwc_table BWC_TABLE_READ_TOMBSTONES;

struct bwc_signed_tombstone { /* A tombstone, as the device signed it. */
    struct bwc_bytes document; /* the signed document */
};
extern const struct bwc_table BWC_TABLE_SIGNED_TOMBSTONE;

struct bwc_tombstone_page { /* A page of the tombstones, in the order of their counters. */
    struct bwc_items tombstones; /* tombstones, oldest first, of bwc_signed_tombstone */
    uint32_t next; /* cursor of the next page; 0 = this was the last */
    uint32_t total; /* tombstones that it has */
};
extern const struct bwc_table BWC_TABLE_TOMBSTONE_PAGE;

struct bwc_read_release { /* Read whether a recording may be erased, and what it lacks. */
    const uint8_t *recording; /* recording id */
};
extern const struct bwc_table BWC_TABLE_READ_RELEASE;

extern const struct bwc_table BWC_TABLE_READ_ASSIGNMENT;

struct bwc_assignment_state { /* The present assignment. */
    uint8_t assigned; /* whether somebody carries it */
    struct bwc_bytes officer; /* officer, by the agency's identifier */
    struct bwc_bytes unit; /* unit */
    int64_t since_utc_ns; /* since when, by the camera's clock; 0 = never [ns] */
    uint32_t revision; /* counts changes; the precondition of the next */
    struct bwc_bytes pseudonym; /* drawn by the camera for this assignment; what recordings name where `holder.pseudonym` is set */
};
extern const struct bwc_table BWC_TABLE_ASSIGNMENT_STATE;

struct bwc_assign { /* Assign the camera to an officer; recordings from here on are his or hers. */
    struct bwc_bytes officer; /* officer, by the agency's identifier */
    struct bwc_bytes unit; /* unit */
    uint32_t revision; /* revision that was read */
};
extern const struct bwc_table BWC_TABLE_ASSIGN;

struct bwc_clear_assignment { /* Take the camera back into the pool. */
    uint32_t revision; /* revision that was read */
};
extern const struct bwc_table BWC_TABLE_CLEAR_ASSIGNMENT;

struct bwc_read_audit { /* Read a page of the entries after a sequence number. */
    uint64_t after; /* the last entry that is known; 0 = from the first that is kept */
    uint16_t limit; /* entries wanted */
};
extern const struct bwc_table BWC_TABLE_READ_AUDIT;

struct bwc_audit_entry { /* One entry. Its hash covers all other fields and the hash before it (spec: Audit log). */
    uint64_t sequence; /* counts entries since the device was made, from 1 */
    int64_t utc_ns; /* when, by the device's clock [ns] */
    uint32_t boot_counter; /* boot in which it happened */
    uint8_t kind; /* what happened */
    struct bwc_bytes actor; /* identity of the host; the device's own if it acted by itself */
    struct bwc_bytes detail; /* what exactly */
    const uint8_t *sha256; /* hash of this entry */
};
extern const struct bwc_table BWC_TABLE_AUDIT_ENTRY;

struct bwc_audit_page { /* A page of the log. */
    const uint8_t *previous_sha256; /* hash of the entry before this page; zeros before entry 1 */
    struct bwc_items entries; /* oldest first, of bwc_audit_entry */
    uint64_t last; /* sequence number of the newest entry of the log */
};
extern const struct bwc_table BWC_TABLE_AUDIT_PAGE;

extern const struct bwc_table BWC_TABLE_READ_AUDIT_HEAD;

struct bwc_audit_head { /* The newest entry. */
    uint64_t sequence; /* its sequence number; 0 = the log is empty */
    const uint8_t *sha256; /* its hash */
    uint64_t first; /* sequence number of the oldest entry that is kept */
};
extern const struct bwc_table BWC_TABLE_AUDIT_HEAD;

extern const struct bwc_table BWC_TABLE_READ_BENCH;

struct bwc_bench_state { /* What of the device's state is a bench's doing, and not its own. */
    uint16_t charge_pct; /* charge that the bench set, and that the device acts on; not known: its own is in force [%] */
    uint64_t taken_bytes; /* room for recordings that the bench took [byte] */
    int64_t clock_moved_ns; /* by how much the bench moved the clock, since it was set last [ns] */
    uint32_t clock_revision; /* revision of the clock; the precondition of `bench.clock` */
    uint32_t last_sequence; /* number of the recording that was closed last, 0 = none; the precondition of `bench.record` */
};
extern const struct bwc_table BWC_TABLE_BENCH_STATE;

struct bwc_set_charge { /* Have the device act on this charge of its battery, which from there rises and falls by itself. */
    uint8_t charge_pct; /* charge as `battery.status` shows it; with 0 it would be off [%] */
};
extern const struct bwc_table BWC_TABLE_SET_CHARGE;

struct bwc_move_clock { /* Move the clock as a faulty oscillator would have: what it states of itself stays as it was. */
    int64_t offset_ns; /* what to add to the device's time [ns] */
    uint32_t revision; /* revision of the clock that the caller saw */
};
extern const struct bwc_table BWC_TABLE_MOVE_CLOCK;

struct bwc_fill_storage { /* Take room for recordings, without writing anything, until no more than this is left. */
    uint64_t free_bytes; /* room that is to be left at most; where there is less, none is taken [byte] */
};
extern const struct bwc_table BWC_TABLE_FILL_STORAGE;

struct bwc_make_recording { /* Make one recording at once, which ends now and is closed as any other; it says that a bench made it. */
    uint32_t after; /* number of the recording that was closed last, as the caller saw it; 0 = none */
    uint32_t duration_ms; /* length that it states; no time passes for it [ms] */
    uint32_t size_bytes; /* its footage before encryption, of whatever bytes; 0 = as the camera films, or as much as it would [byte] */
    struct bwc_bytes category; /* category; nothing: the one that is configured */
};
extern const struct bwc_table BWC_TABLE_MAKE_RECORDING;

struct bwc_bench_recording { /* A recording that was made for a bench. */
    const uint8_t *recording; /* its id */
    uint32_t sequence; /* its number; the precondition of the next `bench.record` */
    const uint8_t *manifest_sha256; /* SHA-256 of its manifest */
};
extern const struct bwc_table BWC_TABLE_BENCH_RECORDING;

extern const struct bwc_table BWC_TABLE_RESTORE_STATE;

extern const struct bwc_table BWC_TABLE_READ_STATION;

struct bwc_station_status { /* The station as a whole. */
    uint16_t bays; /* bays, numbered from 1 */
    uint16_t present; /* bays with something in them */
    uint16_t quarantined; /* bays in quarantine */
    uint16_t supply_mv; /* supply voltage [mV] */
    uint32_t supply_ma; /* supply current, all bays together [mA] */
    int16_t temperature_dc; /* temperature inside the station, tenths of a degree [0.1 °C] */
    uint32_t faults; /* faults that are present */
};
extern const struct bwc_table BWC_TABLE_STATION_STATUS;

struct bwc_list_bays { /* Read a page of bays. */
    uint16_t start; /* first bay wanted */
};
extern const struct bwc_table BWC_TABLE_LIST_BAYS;

struct bwc_bay_status { /* One bay. */
    uint16_t bay; /* bay, from 1 */
    uint8_t state; /* where it stands */
    uint8_t present; /* whether something is in it */
    uint32_t docking; /* counts dockings in this bay; names what is in it */
    uint8_t power; /* whether its power is switched on */
    uint8_t data; /* whether its data lines are switched on */
    uint8_t charge; /* what its charger does */
    uint16_t charge_ma; /* current into the camera [mA] */
    int16_t temperature_dc; /* temperature at the contacts, tenths of a degree [0.1 °C] */
    uint8_t led; /* what its light says */
    uint32_t alarms; /* alarms that are present */
    uint32_t incident; /* counts quarantines of this bay; the precondition of its release */
    uint32_t retry_after_ms; /* while BUSY: when the camera may be free; else 0 [ms] */
    struct bwc_bytes label; /* which camera it is, as a host told; nothing without a lease */
    uint16_t lease_s; /* what is left of that host's lease [s] */
    uint8_t verdict; /* a host's verdict that is in force */
    uint16_t verdict_lease_s; /* what is left of its lease; 0 = none [s] */
    uint16_t lock_s; /* what is left of its lock; 0 = open [s] */
};
extern const struct bwc_table BWC_TABLE_BAY_STATUS;

struct bwc_bay_page { /* A page of bays, in the order of their numbers. */
    struct bwc_items bays; /* bays, of bwc_bay_status */
    uint16_t next; /* bay with which the next page begins; 0 = this was the last */
};
extern const struct bwc_table BWC_TABLE_BAY_PAGE;

struct bwc_read_bay { /* Read one bay; NOT_FOUND if the station has no such bay. */
    uint16_t bay; /* bay, from 1 */
};
extern const struct bwc_table BWC_TABLE_READ_BAY;

struct bwc_switch_power { /* Switch the power of a bay; WRONG_STATE while it is in quarantine. */
    uint16_t bay; /* bay, from 1 */
    uint8_t on; /* on or off */
};
extern const struct bwc_table BWC_TABLE_SWITCH_POWER;

struct bwc_switch_data { /* Switch the data lines of a bay, which ends what runs on its channel; WRONG_STATE while in quarantine. */
    uint16_t bay; /* bay, from 1 */
    uint8_t on; /* on or off */
};
extern const struct bwc_table BWC_TABLE_SWITCH_DATA;

struct bwc_identify_bay { /* Let the light of a bay blink, so that somebody finds it. */
    uint16_t bay; /* bay, from 1 */
    uint16_t seconds; /* for how long; 0 = stop [s] */
};
extern const struct bwc_table BWC_TABLE_IDENTIFY_BAY;

struct bwc_release_bay { /* Release a bay from quarantine, if its alarm is over; WRONG_STATE otherwise. */
    uint16_t bay; /* bay, from 1 */
    uint32_t incident; /* incident that the caller looked into */
};
extern const struct bwc_table BWC_TABLE_RELEASE_BAY;

struct bwc_lease_bay { /* Tell which camera is in a bay, for a time; CONFLICT if it changed, or if another bay shows that label. */
    uint16_t bay; /* bay, from 1 */
    uint32_t docking; /* docking that the host speaks of */
    struct bwc_bytes label; /* which camera it is */
    uint16_t seconds; /* how long the host speaks for it; 0 = no longer [s] */
};
extern const struct bwc_table BWC_TABLE_LEASE_BAY;

struct bwc_judge_bay { /* Say for a time what whoever stands there may do with the camera in a bay; CONFLICT if it is another docking. */
    uint16_t bay; /* bay, from 1 */
    uint32_t docking; /* docking that the host speaks of */
    uint8_t verdict; /* what it says; without meaning when `seconds` is 0 */
    uint16_t seconds; /* how long it holds unless it is said again; 0 = no longer [s] */
};
extern const struct bwc_table BWC_TABLE_JUDGE_BAY;

struct bwc_lock_bay { /* Hold the camera in a bay for a time, or let it go; CONFLICT if it is another docking. */
    uint16_t bay; /* bay, from 1 */
    uint32_t docking; /* docking that the host speaks of */
    uint16_t seconds; /* how long it is held unless it is said again; 0 = let go [s] */
};
extern const struct bwc_table BWC_TABLE_LOCK_BAY;

extern const struct bwc_table BWC_TABLE_READ_TRUST;

struct bwc_fingerprint { /* A certificate, by its hash. */
    const uint8_t *sha256; /* SHA-256 of the certificate */
};
extern const struct bwc_table BWC_TABLE_FINGERPRINT;

struct bwc_opening_proof { /* When a recipient last proved that it can open what this device encrypts. */
    const uint8_t *recipient; /* SHA-256 of the recipient's SubjectPublicKeyInfo */
    int64_t utc_ns; /* when, by the device's clock [ns] */
    uint32_t powered_min; /* how long the device had been running in all [min] */
};
extern const struct bwc_table BWC_TABLE_OPENING_PROOF;

struct bwc_trust_state { /* Whom the device belongs to, and what it holds. */
    uint8_t enrolled; /* whether it belongs to an agency */
    struct bwc_bytes agency; /* name of the agency; nothing without one */
    struct bwc_bytes lab; /* id of the lab whose agency it is; nothing for a real one */
    struct bwc_items roots; /* root, then standby root, of bwc_fingerprint */
    struct bwc_bytes issuer_key_id; /* key id of the CA that issued its certificate */
    int64_t not_before_s; /* its certificate begins, UTC; 0 = it has none [s] */
    int64_t not_after_s; /* its certificate ends, UTC; 0 = it has none [s] */
    uint32_t deny_counter; /* counter of its deny list; 0 = it has none */
    struct bwc_items recipients; /* evidence recipients, of bwc_fingerprint */
    uint8_t locked; /* locked for production: it refuses the role BENCH */
    int64_t floor_s; /* certificates that ended before this time are refused, UTC [s] */
    uint32_t desired_counter; /* counter of the last desired state that it took; 0 = none */
    uint32_t generation; /* counts physical resets */
    uint8_t requested; /* whether a request waits for its certificate */
    uint16_t window_s; /* what is left of the time in which it can be enrolled; 0 = press its button [s] */
    struct bwc_items proofs; /* last proof of opening of each recipient that gave one, of bwc_opening_proof */
};
extern const struct bwc_table BWC_TABLE_TRUST_STATE;

extern const struct bwc_table BWC_TABLE_REQUEST_CERTIFICATE;

struct bwc_certificate_request { /* A certificate signing request (PKCS #10, RFC 2986). */
    struct bwc_bytes request; /* DER, signed by the new key; its subject is the serial number */
    struct bwc_bytes proof; /* renewal proof, by the present key; empty of a device that belongs to no agency */
};
extern const struct bwc_table BWC_TABLE_CERTIFICATE_REQUEST;

struct bwc_enroll { /* Install what makes the device one of an agency (spec: Enrolment), by a stream; then the session ends. */
    uint32_t length; /* bytes of the installation [byte] */
    const uint8_t *sha256; /* SHA-256 of the installation */
};
extern const struct bwc_table BWC_TABLE_ENROLL;

struct bwc_renew { /* Install a new certificate of the same agency (spec: Renewal), by a stream; the old one is good until then. */
    uint32_t length; /* bytes of the renewal [byte] */
    const uint8_t *sha256; /* SHA-256 of the renewal */
};
extern const struct bwc_table BWC_TABLE_RENEW;

struct bwc_install_deny_list { /* Install a newer deny list (spec: Signed documents), by a stream; it ends the sessions of those whom it denies. */
    uint32_t length; /* bytes of the list [byte] */
    const uint8_t *sha256; /* SHA-256 of the list */
};
extern const struct bwc_table BWC_TABLE_INSTALL_DENY_LIST;

extern const struct bwc_table BWC_TABLE_READ_DENY_LIST;

extern const struct bwc_table BWC_TABLE_GIVE_NONCE;

struct bwc_order_nonce { /* What an order to this device has to name. */
    const uint8_t *nonce; /* fresh; one order can use it, within a week and this boot */
    uint32_t sequence; /* number of the newest recording; 0 = none */
    const uint8_t *manifest_sha256; /* SHA-256 of its manifest; zeros without one */
    uint32_t recordings; /* recordings that it has */
    uint32_t held; /* of these, protected by a hold */
    uint32_t undelivered; /* of these, without a receipt for what they are now */
};
extern const struct bwc_table BWC_TABLE_ORDER_NONCE;

struct bwc_carry_out { /* Carry out an order that two subjects signed (spec: Signed documents), by a stream. */
    const uint8_t *nonce; /* the nonce that the order names */
    uint32_t length; /* bytes of the order [byte] */
    const uint8_t *sha256; /* SHA-256 of the order */
};
extern const struct bwc_table BWC_TABLE_CARRY_OUT;

struct bwc_take_desired_state { /* Take a configuration and assignment that a technician signed (spec: Signed documents), by a stream. */
    uint32_t length; /* bytes of the desired state [byte] */
    const uint8_t *sha256; /* SHA-256 of the desired state */
};
extern const struct bwc_table BWC_TABLE_TAKE_DESIRED_STATE;

extern const struct bwc_table BWC_TABLE_READ_RESET_RECORD;

struct bwc_reset_record { /* What a physical reset destroyed, signed by the device's factory key. */
    struct bwc_bytes record; /* the record (spec: Physical reset) */
};
extern const struct bwc_table BWC_TABLE_RESET_RECORD;

struct bwc_challenge_recipient { /* Have a challenge for an evidence recipient; one that was given before is good no more. */
    const uint8_t *recipient; /* SHA-256 of the recipient's SubjectPublicKeyInfo */
};
extern const struct bwc_table BWC_TABLE_CHALLENGE_RECIPIENT;

struct bwc_opening_challenge { /* Random bytes that only the recipient can give back. */
    struct bwc_bytes sealed; /* 32 bytes, sealed for the recipient (spec: Encryption) */
};
extern const struct bwc_table BWC_TABLE_OPENING_CHALLENGE;

struct bwc_prove_opening { /* Give back what a challenge opened to: the proof that somebody can open what the device encrypts. */
    const uint8_t *recipient; /* SHA-256 of the recipient's SubjectPublicKeyInfo */
    const uint8_t *opened; /* the bytes */
};
extern const struct bwc_table BWC_TABLE_PROVE_OPENING;

struct bwc_seize { /* Seize a camera for a case, by what the records section signed (spec: Seizures), by a stream. */
    uint32_t length; /* bytes of the seizure [byte] */
    const uint8_t *sha256; /* SHA-256 of the seizure */
};
extern const struct bwc_table BWC_TABLE_SEIZE;

#endif
