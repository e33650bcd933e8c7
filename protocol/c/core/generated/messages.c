/* From the declarations, by python -m tools.generate.c_tables: not to be edited. */

#include "messages.h"

#include <stddef.h>

static const struct bwc_field BWC_TABLE_SESSION_INFO_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_session_info, preambles_sha256), 0, 32, 0},
    {BWC_U8, 0, offsetof(struct bwc_session_info, major), 0, 0, 0},
    {BWC_U8, 0, offsetof(struct bwc_session_info, minor), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_session_info, kind), 0, 0, 0},
    {BWC_FLAGS, 0, offsetof(struct bwc_session_info, roles), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_session_info, identity), 0, 64, 0},
    {BWC_U64, 0, offsetof(struct bwc_session_info, capabilities), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_session_info, boot_counter), 0, 0, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_session_info, firmware_sha256), 0, 32, 0},
    {BWC_U32, 1, offsetof(struct bwc_session_info, deny_counter), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_SESSION_INFO = {BWC_TABLE_SESSION_INFO_fields, 10, sizeof(struct bwc_session_info)};

const struct bwc_table BWC_TABLE_READY = {0, 0, 0};

static const struct bwc_field BWC_TABLE_ERROR_REPLY_fields[] = {
    {BWC_ENUM, 0, offsetof(struct bwc_error_reply, code), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_error_reply, retry_after_ms), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_error_reply, detail), 0, 200, 0},
};
const struct bwc_table BWC_TABLE_ERROR_REPLY = {BWC_TABLE_ERROR_REPLY_fields, 3, sizeof(struct bwc_error_reply)};

static const struct bwc_field BWC_TABLE_STREAM_CREDIT_fields[] = {
    {BWC_U64, 0, offsetof(struct bwc_stream_credit, limit), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_STREAM_CREDIT = {BWC_TABLE_STREAM_CREDIT_fields, 1, sizeof(struct bwc_stream_credit)};

static const struct bwc_field BWC_TABLE_STREAM_END_fields[] = {
    {BWC_U64, 0, offsetof(struct bwc_stream_end, offset), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_stream_end, code), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_stream_end, detail), 0, 200, 0},
};
const struct bwc_table BWC_TABLE_STREAM_END = {BWC_TABLE_STREAM_END_fields, 3, sizeof(struct bwc_stream_end)};

static const struct bwc_field BWC_TABLE_STREAM_CANCEL_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_stream_cancel, code), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_STREAM_CANCEL = {BWC_TABLE_STREAM_CANCEL_fields, 1, sizeof(struct bwc_stream_cancel)};

static const struct bwc_field BWC_TABLE_STATE_CHANGED_fields[] = {
    {BWC_ENUM, 0, offsetof(struct bwc_state_changed, state), 0, 0, 0},
    {BWC_FLAGS, 0, offsetof(struct bwc_state_changed, faults), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_STATE_CHANGED = {BWC_TABLE_STATE_CHANGED_fields, 2, sizeof(struct bwc_state_changed)};

static const struct bwc_field BWC_TABLE_BATTERY_ALARM_fields[] = {
    {BWC_U8, 0, offsetof(struct bwc_battery_alarm, cell), 0, 0, 0},
    {BWC_U8, 0, offsetof(struct bwc_battery_alarm, charge_pct), 0, 100, 0},
    {BWC_I16, 0, offsetof(struct bwc_battery_alarm, temperature_dc), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_BATTERY_ALARM = {BWC_TABLE_BATTERY_ALARM_fields, 3, sizeof(struct bwc_battery_alarm)};

static const struct bwc_field BWC_TABLE_CLOCK_CHANGED_fields[] = {
    {BWC_ENUM, 0, offsetof(struct bwc_clock_changed, state), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_clock_changed, revision), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_CLOCK_CHANGED = {BWC_TABLE_CLOCK_CHANGED_fields, 2, sizeof(struct bwc_clock_changed)};

static const struct bwc_field BWC_TABLE_CONFIG_APPLIED_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_config_applied, revision), 0, 0, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_config_applied, effective), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_CONFIG_APPLIED = {BWC_TABLE_CONFIG_APPLIED_fields, 2, sizeof(struct bwc_config_applied)};

static const struct bwc_field BWC_TABLE_RECORDING_CLOSED_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_recording_closed, recording), 0, 16, 0},
    {BWC_U32, 0, offsetof(struct bwc_recording_closed, sequence), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_RECORDING_CLOSED = {BWC_TABLE_RECORDING_CLOSED_fields, 2, sizeof(struct bwc_recording_closed)};

static const struct bwc_field BWC_TABLE_DOCKED_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_docked, bay), 1, 64, 0},
    {BWC_U32, 0, offsetof(struct bwc_docked, docking), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_DOCKED = {BWC_TABLE_DOCKED_fields, 2, sizeof(struct bwc_docked)};

static const struct bwc_field BWC_TABLE_UNDOCKED_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_undocked, bay), 1, 64, 0},
    {BWC_U32, 0, offsetof(struct bwc_undocked, docking), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_UNDOCKED = {BWC_TABLE_UNDOCKED_fields, 2, sizeof(struct bwc_undocked)};

static const struct bwc_field BWC_TABLE_BAY_ALARMED_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_bay_alarmed, bay), 1, 64, 0},
    {BWC_FLAGS, 0, offsetof(struct bwc_bay_alarmed, alarms), 0, 0, 0},
    {BWC_I16, 0, offsetof(struct bwc_bay_alarmed, temperature_dc), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_bay_alarmed, incident), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_BAY_ALARMED = {BWC_TABLE_BAY_ALARMED_fields, 4, sizeof(struct bwc_bay_alarmed)};

static const struct bwc_field BWC_TABLE_BAY_CHANGED_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_bay_changed, bay), 1, 64, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_bay_changed, state), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_bay_changed, docking), 0, 0, 0},
    {BWC_ENUM, 1, offsetof(struct bwc_bay_changed, verdict), 0, 0, 0},
    {BWC_BOOL, 1, offsetof(struct bwc_bay_changed, locked), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_BAY_CHANGED = {BWC_TABLE_BAY_CHANGED_fields, 5, sizeof(struct bwc_bay_changed)};

static const struct bwc_field BWC_TABLE_SETTING_fields[] = {
    {BWC_TEXT, 0, offsetof(struct bwc_setting, key), 0, 64, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_setting, type), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_setting, number), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_setting, text), 0, 128, 0},
};
const struct bwc_table BWC_TABLE_SETTING = {BWC_TABLE_SETTING_fields, 4, sizeof(struct bwc_setting)};

static const struct bwc_field BWC_TABLE_CONFIG_DOCUMENT_fields[] = {
    {BWC_ITEMS, 0, offsetof(struct bwc_config_document, settings), 0, 512, &BWC_TABLE_SETTING},
};
const struct bwc_table BWC_TABLE_CONFIG_DOCUMENT = {BWC_TABLE_CONFIG_DOCUMENT_fields, 1, sizeof(struct bwc_config_document)};

const struct bwc_table BWC_TABLE_IDENTIFY = {0, 0, 0};

static const struct bwc_field BWC_TABLE_DEVICE_IDENTITY_fields[] = {
    {BWC_ENUM, 0, offsetof(struct bwc_device_identity, kind), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_device_identity, manufacturer), 0, 32, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_device_identity, model), 0, 32, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_device_identity, serial), 0, 32, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_device_identity, hardware), 0, 16, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_device_identity, firmware), 0, 32, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_device_identity, firmware_sha256), 0, 32, 0},
    {BWC_U32, 0, offsetof(struct bwc_device_identity, boot_counter), 0, 0, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_device_identity, simulator), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_DEVICE_IDENTITY = {BWC_TABLE_DEVICE_IDENTITY_fields, 9, sizeof(struct bwc_device_identity)};

const struct bwc_table BWC_TABLE_READ_CAPABILITIES = {0, 0, 0};

static const struct bwc_field BWC_TABLE_DEVICE_CAPABILITIES_fields[] = {
    {BWC_FLAGS, 0, offsetof(struct bwc_device_capabilities, capabilities), 0, 0, 0},
    {BWC_U8, 0, offsetof(struct bwc_device_capabilities, max_streams), 0, 0, 0},
    {BWC_U8, 0, offsetof(struct bwc_device_capabilities, max_requests), 0, 0, 0},
    {BWC_U8, 0, offsetof(struct bwc_device_capabilities, battery_cells), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_device_capabilities, config_keys), 0, 0, 0},
    {BWC_U16, 1, offsetof(struct bwc_device_capabilities, max_request), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_DEVICE_CAPABILITIES = {BWC_TABLE_DEVICE_CAPABILITIES_fields, 6, sizeof(struct bwc_device_capabilities)};

const struct bwc_table BWC_TABLE_READ_STATUS = {0, 0, 0};

static const struct bwc_field BWC_TABLE_DEVICE_STATUS_fields[] = {
    {BWC_ENUM, 0, offsetof(struct bwc_device_status, state), 0, 0, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_device_status, docked), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_device_status, uptime_s), 0, 0, 0},
    {BWC_FLAGS, 0, offsetof(struct bwc_device_status, faults), 0, 0, 0},
    {BWC_U8, 0, offsetof(struct bwc_device_status, streams), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_device_status, boot_counter), 0, 0, 0},
    {BWC_TEXT, 1, offsetof(struct bwc_device_status, seized_for), 0, 64, 0},
};
const struct bwc_table BWC_TABLE_DEVICE_STATUS = {BWC_TABLE_DEVICE_STATUS_fields, 7, sizeof(struct bwc_device_status)};

const struct bwc_table BWC_TABLE_SELF_TEST = {0, 0, 0};

static const struct bwc_field BWC_TABLE_SELF_TEST_STEP_fields[] = {
    {BWC_TEXT, 0, offsetof(struct bwc_self_test_step, name), 0, 32, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_self_test_step, result), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_self_test_step, detail), 0, 96, 0},
};
const struct bwc_table BWC_TABLE_SELF_TEST_STEP = {BWC_TABLE_SELF_TEST_STEP_fields, 3, sizeof(struct bwc_self_test_step)};

static const struct bwc_field BWC_TABLE_SELF_TEST_REPORT_fields[] = {
    {BWC_BOOL, 0, offsetof(struct bwc_self_test_report, passed), 0, 0, 0},
    {BWC_ITEMS, 0, offsetof(struct bwc_self_test_report, steps), 0, 32, &BWC_TABLE_SELF_TEST_STEP},
};
const struct bwc_table BWC_TABLE_SELF_TEST_REPORT = {BWC_TABLE_SELF_TEST_REPORT_fields, 2, sizeof(struct bwc_self_test_report)};

static const struct bwc_field BWC_TABLE_REBOOT_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_reboot, boot_counter), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_REBOOT = {BWC_TABLE_REBOOT_fields, 1, sizeof(struct bwc_reboot)};

static const struct bwc_field BWC_TABLE_REBOOT_ACCEPTED_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_reboot_accepted, delay_ms), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_REBOOT_ACCEPTED = {BWC_TABLE_REBOOT_ACCEPTED_fields, 1, sizeof(struct bwc_reboot_accepted)};

static const struct bwc_field BWC_TABLE_READ_BATTERY_fields[] = {
    {BWC_U8, 0, offsetof(struct bwc_read_battery, cell), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_READ_BATTERY = {BWC_TABLE_READ_BATTERY_fields, 1, sizeof(struct bwc_read_battery)};

static const struct bwc_field BWC_TABLE_BATTERY_STATUS_fields[] = {
    {BWC_U8, 0, offsetof(struct bwc_battery_status, charge_pct), 0, 100, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_battery_status, state), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_battery_status, voltage_mv), 0, 0, 0},
    {BWC_I32, 0, offsetof(struct bwc_battery_status, current_ma), 0, 0, 0},
    {BWC_I16, 0, offsetof(struct bwc_battery_status, temperature_dc), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_battery_status, cycles), 0, 0, 0},
    {BWC_U8, 0, offsetof(struct bwc_battery_status, health_pct), 0, 100, 0},
    {BWC_U32, 0, offsetof(struct bwc_battery_status, time_left_s), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_BATTERY_STATUS = {BWC_TABLE_BATTERY_STATUS_fields, 8, sizeof(struct bwc_battery_status)};

const struct bwc_table BWC_TABLE_READ_STORAGE = {0, 0, 0};

static const struct bwc_field BWC_TABLE_STORAGE_STATUS_fields[] = {
    {BWC_U64, 0, offsetof(struct bwc_storage_status, capacity_bytes), 0, 0, 0},
    {BWC_U64, 0, offsetof(struct bwc_storage_status, free_bytes), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_storage_status, recording_time_left_s), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_storage_status, recordings), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_storage_status, held), 0, 0, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_storage_status, full), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_STORAGE_STATUS = {BWC_TABLE_STORAGE_STATUS_fields, 6, sizeof(struct bwc_storage_status)};

const struct bwc_table BWC_TABLE_READ_STORAGE_HEALTH = {0, 0, 0};

static const struct bwc_field BWC_TABLE_STORAGE_HEALTH_fields[] = {
    {BWC_U8, 0, offsetof(struct bwc_storage_health, ext_csd_rev), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_storage_health, pre_eol), 0, 0, 0},
    {BWC_U8, 0, offsetof(struct bwc_storage_health, life_time_a), 0, 0, 0},
    {BWC_U8, 0, offsetof(struct bwc_storage_health, life_time_b), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_storage_health, bad_blocks), 0, 0, 0},
    {BWC_U64, 0, offsetof(struct bwc_storage_health, written_bytes), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_STORAGE_HEALTH = {BWC_TABLE_STORAGE_HEALTH_fields, 6, sizeof(struct bwc_storage_health)};

const struct bwc_table BWC_TABLE_READ_CLOCK = {0, 0, 0};

static const struct bwc_field BWC_TABLE_CLOCK_READING_fields[] = {
    {BWC_I64, 0, offsetof(struct bwc_clock_reading, utc_ns), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_clock_reading, state), 0, 0, 0},
    {BWC_U64, 0, offsetof(struct bwc_clock_reading, uncertainty_ns), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_clock_reading, source), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_clock_reading, last_set_utc_ns), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_clock_reading, revision), 0, 0, 0},
    {BWC_ENUM, 1, offsetof(struct bwc_clock_reading, assurance), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_CLOCK_READING = {BWC_TABLE_CLOCK_READING_fields, 7, sizeof(struct bwc_clock_reading)};

static const struct bwc_field BWC_TABLE_EXCHANGE_TIME_fields[] = {
    {BWC_I64, 0, offsetof(struct bwc_exchange_time, host_sent_ns), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_EXCHANGE_TIME = {BWC_TABLE_EXCHANGE_TIME_fields, 1, sizeof(struct bwc_exchange_time)};

static const struct bwc_field BWC_TABLE_CLOCK_EXCHANGE_fields[] = {
    {BWC_I64, 0, offsetof(struct bwc_clock_exchange, host_sent_ns), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_clock_exchange, device_received_ns), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_clock_exchange, device_sent_ns), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_clock_exchange, revision), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_CLOCK_EXCHANGE = {BWC_TABLE_CLOCK_EXCHANGE_fields, 4, sizeof(struct bwc_clock_exchange)};

static const struct bwc_field BWC_TABLE_SET_CLOCK_fields[] = {
    {BWC_I64, 0, offsetof(struct bwc_set_clock, offset_ns), 0, 0, 0},
    {BWC_U64, 0, offsetof(struct bwc_set_clock, uncertainty_ns), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_set_clock, reason), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_set_clock, source), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_set_clock, revision), 0, 0, 0},
    {BWC_ENUM, 1, offsetof(struct bwc_set_clock, assurance), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_SET_CLOCK = {BWC_TABLE_SET_CLOCK_fields, 6, sizeof(struct bwc_set_clock)};

static const struct bwc_field BWC_TABLE_CLOCK_SET_fields[] = {
    {BWC_I64, 0, offsetof(struct bwc_clock_set, before_utc_ns), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_clock_set, after_utc_ns), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_clock_set, revision), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_CLOCK_SET = {BWC_TABLE_CLOCK_SET_fields, 3, sizeof(struct bwc_clock_set)};

static const struct bwc_field BWC_TABLE_READ_SCHEMA_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_read_schema, start), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_READ_SCHEMA = {BWC_TABLE_READ_SCHEMA_fields, 1, sizeof(struct bwc_read_schema)};

static const struct bwc_field BWC_TABLE_SETTING_SCHEMA_fields[] = {
    {BWC_TEXT, 0, offsetof(struct bwc_setting_schema, key), 0, 64, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_setting_schema, type), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_setting_schema, low), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_setting_schema, high), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_setting_schema, unit), 0, 16, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_setting_schema, choices), 0, 256, 0},
    {BWC_I64, 0, offsetof(struct bwc_setting_schema, default_number), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_setting_schema, default_text), 0, 128, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_setting_schema, takes_effect), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_setting_schema, doc), 0, 160, 0},
};
const struct bwc_table BWC_TABLE_SETTING_SCHEMA = {BWC_TABLE_SETTING_SCHEMA_fields, 10, sizeof(struct bwc_setting_schema)};

static const struct bwc_field BWC_TABLE_SCHEMA_PAGE_fields[] = {
    {BWC_ITEMS, 0, offsetof(struct bwc_schema_page, settings), 0, 32, &BWC_TABLE_SETTING_SCHEMA},
    {BWC_U16, 0, offsetof(struct bwc_schema_page, next), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_SCHEMA_PAGE = {BWC_TABLE_SCHEMA_PAGE_fields, 2, sizeof(struct bwc_schema_page)};

static const struct bwc_field BWC_TABLE_READ_CONFIG_fields[] = {
    {BWC_ENUM, 0, offsetof(struct bwc_read_config, view), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_read_config, start), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_READ_CONFIG = {BWC_TABLE_READ_CONFIG_fields, 2, sizeof(struct bwc_read_config)};

static const struct bwc_field BWC_TABLE_CONFIG_PAGE_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_config_page, revision), 0, 0, 0},
    {BWC_ITEMS, 0, offsetof(struct bwc_config_page, settings), 0, 64, &BWC_TABLE_SETTING},
    {BWC_U16, 0, offsetof(struct bwc_config_page, next), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_CONFIG_PAGE = {BWC_TABLE_CONFIG_PAGE_fields, 3, sizeof(struct bwc_config_page)};

const struct bwc_table BWC_TABLE_READ_CONFIG_STATE = {0, 0, 0};

static const struct bwc_field BWC_TABLE_CONFIG_STATE_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_config_state, revision), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_config_state, effective_revision), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_config_state, staged), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_config_state, pending), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_CONFIG_STATE = {BWC_TABLE_CONFIG_STATE_fields, 4, sizeof(struct bwc_config_state)};

static const struct bwc_field BWC_TABLE_STAGE_CONFIG_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_stage_config, revision), 0, 0, 0},
    {BWC_ITEMS, 0, offsetof(struct bwc_stage_config, settings), 0, 64, &BWC_TABLE_SETTING},
};
const struct bwc_table BWC_TABLE_STAGE_CONFIG = {BWC_TABLE_STAGE_CONFIG_fields, 2, sizeof(struct bwc_stage_config)};

static const struct bwc_field BWC_TABLE_APPLY_CONFIG_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_apply_config, revision), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_APPLY_CONFIG = {BWC_TABLE_APPLY_CONFIG_fields, 1, sizeof(struct bwc_apply_config)};

const struct bwc_table BWC_TABLE_ABORT_CONFIG = {0, 0, 0};

const struct bwc_table BWC_TABLE_DONE = {0, 0, 0};

static const struct bwc_field BWC_TABLE_UPLOAD_CONFIG_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_upload_config, revision), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_upload_config, length), 1, 262144, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_upload_config, sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_UPLOAD_CONFIG = {BWC_TABLE_UPLOAD_CONFIG_fields, 3, sizeof(struct bwc_upload_config)};

static const struct bwc_field BWC_TABLE_STREAM_OPENED_fields[] = {
    {BWC_U64, 0, offsetof(struct bwc_stream_opened, length), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_STREAM_OPENED = {BWC_TABLE_STREAM_OPENED_fields, 1, sizeof(struct bwc_stream_opened)};

static const struct bwc_field BWC_TABLE_LIST_RECORDINGS_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_list_recordings, after), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_list_recordings, limit), 1, 256, 0},
};
const struct bwc_table BWC_TABLE_LIST_RECORDINGS = {BWC_TABLE_LIST_RECORDINGS_fields, 2, sizeof(struct bwc_list_recordings)};

static const struct bwc_field BWC_TABLE_RECORDING_ENTRY_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_recording_entry, recording), 0, 16, 0},
    {BWC_U32, 0, offsetof(struct bwc_recording_entry, sequence), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_recording_entry, started_utc_ns), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_recording_entry, duration_ms), 0, 0, 0},
    {BWC_U64, 0, offsetof(struct bwc_recording_entry, size_bytes), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_recording_entry, segments), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_recording_entry, trigger), 0, 0, 0},
    {BWC_FLAGS, 0, offsetof(struct bwc_recording_entry, marks), 0, 0, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_recording_entry, manifest_sha256), 0, 32, 0},
    {BWC_U32, 0, offsetof(struct bwc_recording_entry, annotations), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_recording_entry, category), 0, 32, 0},
    {BWC_BYTES, 1, offsetof(struct bwc_recording_entry, annotations_sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_RECORDING_ENTRY = {BWC_TABLE_RECORDING_ENTRY_fields, 12, sizeof(struct bwc_recording_entry)};

static const struct bwc_field BWC_TABLE_LIST_PAGE_fields[] = {
    {BWC_ITEMS, 0, offsetof(struct bwc_list_page, recordings), 0, 256, &BWC_TABLE_RECORDING_ENTRY},
    {BWC_U32, 0, offsetof(struct bwc_list_page, next), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_list_page, total), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_LIST_PAGE = {BWC_TABLE_LIST_PAGE_fields, 3, sizeof(struct bwc_list_page)};

static const struct bwc_field BWC_TABLE_READ_MANIFEST_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_read_manifest, recording), 0, 16, 0},
};
const struct bwc_table BWC_TABLE_READ_MANIFEST = {BWC_TABLE_READ_MANIFEST_fields, 1, sizeof(struct bwc_read_manifest)};

static const struct bwc_field BWC_TABLE_MANIFEST_REPLY_fields[] = {
    {BWC_BLOB, 0, offsetof(struct bwc_manifest_reply, manifest), 0, 16384, 0},
    {BWC_BLOB, 1, offsetof(struct bwc_manifest_reply, signature), 0, 4224, 0},
};
const struct bwc_table BWC_TABLE_MANIFEST_REPLY = {BWC_TABLE_MANIFEST_REPLY_fields, 2, sizeof(struct bwc_manifest_reply)};

static const struct bwc_field BWC_TABLE_OPEN_TABLE_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_open_table, recording), 0, 16, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_open_table, manifest_sha256), 0, 32, 0},
    {BWC_U16, 0, offsetof(struct bwc_open_table, segment), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_OPEN_TABLE = {BWC_TABLE_OPEN_TABLE_fields, 3, sizeof(struct bwc_open_table)};

static const struct bwc_field BWC_TABLE_OPEN_SEGMENT_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_open_segment, recording), 0, 16, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_open_segment, manifest_sha256), 0, 32, 0},
    {BWC_U16, 0, offsetof(struct bwc_open_segment, segment), 0, 0, 0},
    {BWC_U64, 0, offsetof(struct bwc_open_segment, offset), 0, 0, 0},
    {BWC_U64, 0, offsetof(struct bwc_open_segment, length), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_OPEN_SEGMENT = {BWC_TABLE_OPEN_SEGMENT_fields, 5, sizeof(struct bwc_open_segment)};

static const struct bwc_field BWC_TABLE_READ_ANNOTATIONS_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_read_annotations, recording), 0, 16, 0},
    {BWC_U16, 0, offsetof(struct bwc_read_annotations, start), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_READ_ANNOTATIONS = {BWC_TABLE_READ_ANNOTATIONS_fields, 2, sizeof(struct bwc_read_annotations)};

static const struct bwc_field BWC_TABLE_ANNOTATION_fields[] = {
    {BWC_I64, 0, offsetof(struct bwc_annotation, utc_ns), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_annotation, kind), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_annotation, actor), 0, 64, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_annotation, text), 0, 128, 0},
    {BWC_TEXT, 1, offsetof(struct bwc_annotation, hold), 0, 32, 0},
    {BWC_TEXT, 1, offsetof(struct bwc_annotation, case_), 0, 64, 0},
    {BWC_TEXT, 1, offsetof(struct bwc_annotation, authority), 0, 64, 0},
};
const struct bwc_table BWC_TABLE_ANNOTATION = {BWC_TABLE_ANNOTATION_fields, 7, sizeof(struct bwc_annotation)};

static const struct bwc_field BWC_TABLE_ANNOTATION_PAGE_fields[] = {
    {BWC_ITEMS, 0, offsetof(struct bwc_annotation_page, annotations), 0, 64, &BWC_TABLE_ANNOTATION},
    {BWC_U16, 0, offsetof(struct bwc_annotation_page, next), 0, 0, 0},
    {BWC_BLOB, 1, offsetof(struct bwc_annotation_page, signature), 0, 4224, 0},
};
const struct bwc_table BWC_TABLE_ANNOTATION_PAGE = {BWC_TABLE_ANNOTATION_PAGE_fields, 3, sizeof(struct bwc_annotation_page)};

static const struct bwc_field BWC_TABLE_MARK_RECORDING_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_mark_recording, recording), 0, 16, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_mark_recording, manifest_sha256), 0, 32, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_mark_recording, marked), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_MARK_RECORDING = {BWC_TABLE_MARK_RECORDING_fields, 3, sizeof(struct bwc_mark_recording)};

static const struct bwc_field BWC_TABLE_ANNOTATION_STATE_fields[] = {
    {BWC_FLAGS, 0, offsetof(struct bwc_annotation_state, marks), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_annotation_state, annotations), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_annotation_state, category), 0, 32, 0},
    {BWC_BYTES, 1, offsetof(struct bwc_annotation_state, annotations_sha256), 0, 32, 0},
    {BWC_U16, 1, offsetof(struct bwc_annotation_state, holds), 0, 0, 0},
    {BWC_TEXT, 1, offsetof(struct bwc_annotation_state, case_), 0, 64, 0},
};
const struct bwc_table BWC_TABLE_ANNOTATION_STATE = {BWC_TABLE_ANNOTATION_STATE_fields, 6, sizeof(struct bwc_annotation_state)};

static const struct bwc_field BWC_TABLE_CATEGORISE_RECORDING_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_categorise_recording, recording), 0, 16, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_categorise_recording, manifest_sha256), 0, 32, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_categorise_recording, category), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_CATEGORISE_RECORDING = {BWC_TABLE_CATEGORISE_RECORDING_fields, 3, sizeof(struct bwc_categorise_recording)};

static const struct bwc_field BWC_TABLE_HOLD_RECORDING_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_hold_recording, recording), 0, 16, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_hold_recording, manifest_sha256), 0, 32, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_hold_recording, reason), 0, 128, 0},
    {BWC_TEXT, 1, offsetof(struct bwc_hold_recording, hold), 0, 32, 0},
    {BWC_TEXT, 1, offsetof(struct bwc_hold_recording, case_), 0, 64, 0},
    {BWC_TEXT, 1, offsetof(struct bwc_hold_recording, authority), 0, 64, 0},
};
const struct bwc_table BWC_TABLE_HOLD_RECORDING = {BWC_TABLE_HOLD_RECORDING_fields, 6, sizeof(struct bwc_hold_recording)};

static const struct bwc_field BWC_TABLE_LIFT_HOLD_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_lift_hold, recording), 0, 16, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_lift_hold, manifest_sha256), 0, 32, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_lift_hold, reason), 0, 128, 0},
    {BWC_TEXT, 1, offsetof(struct bwc_lift_hold, hold), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_LIFT_HOLD = {BWC_TABLE_LIFT_HOLD_fields, 4, sizeof(struct bwc_lift_hold)};

static const struct bwc_field BWC_TABLE_ERASE_RECORDING_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_erase_recording, recording), 0, 16, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_erase_recording, manifest_sha256), 0, 32, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_erase_recording, annotations_sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_ERASE_RECORDING = {BWC_TABLE_ERASE_RECORDING_fields, 3, sizeof(struct bwc_erase_recording)};

static const struct bwc_field BWC_TABLE_ASSIGN_CASE_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_assign_case, recording), 0, 16, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_assign_case, manifest_sha256), 0, 32, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_assign_case, case_), 0, 64, 0},
};
const struct bwc_table BWC_TABLE_ASSIGN_CASE = {BWC_TABLE_ASSIGN_CASE_fields, 3, sizeof(struct bwc_assign_case)};

static const struct bwc_field BWC_TABLE_REVIEW_RECORDING_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_review_recording, recording), 0, 16, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_review_recording, manifest_sha256), 0, 32, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_review_recording, note), 0, 128, 0},
};
const struct bwc_table BWC_TABLE_REVIEW_RECORDING = {BWC_TABLE_REVIEW_RECORDING_fields, 3, sizeof(struct bwc_review_recording)};

static const struct bwc_field BWC_TABLE_DELIVER_RECEIPT_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_deliver_receipt, recording), 0, 16, 0},
    {BWC_BLOB, 0, offsetof(struct bwc_deliver_receipt, receipt), 0, 4096, 0},
};
const struct bwc_table BWC_TABLE_DELIVER_RECEIPT = {BWC_TABLE_DELIVER_RECEIPT_fields, 2, sizeof(struct bwc_deliver_receipt)};

static const struct bwc_field BWC_TABLE_KEPT_RECEIPT_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_kept_receipt, sha256), 0, 32, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_kept_receipt, destination), 0, 64, 0},
};
const struct bwc_table BWC_TABLE_KEPT_RECEIPT = {BWC_TABLE_KEPT_RECEIPT_fields, 2, sizeof(struct bwc_kept_receipt)};

static const struct bwc_field BWC_TABLE_RELEASE_STATE_fields[] = {
    {BWC_ITEMS, 0, offsetof(struct bwc_release_state, receipts), 0, 8, &BWC_TABLE_KEPT_RECEIPT},
    {BWC_U16, 0, offsetof(struct bwc_release_state, needed), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_release_state, holds), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_release_state, left_min), 0, 0, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_release_state, proof_needed), 0, 0, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_release_state, released), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_RELEASE_STATE = {BWC_TABLE_RELEASE_STATE_fields, 6, sizeof(struct bwc_release_state)};

static const struct bwc_field BWC_TABLE_READ_TOMBSTONES_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_read_tombstones, after), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_read_tombstones, limit), 1, 10, 0},
};
const struct bwc_table BWC_TABLE_READ_TOMBSTONES = {BWC_TABLE_READ_TOMBSTONES_fields, 2, sizeof(struct bwc_read_tombstones)};

static const struct bwc_field BWC_TABLE_SIGNED_TOMBSTONE_fields[] = {
    {BWC_BLOB, 0, offsetof(struct bwc_signed_tombstone, document), 0, 6144, 0},
};
const struct bwc_table BWC_TABLE_SIGNED_TOMBSTONE = {BWC_TABLE_SIGNED_TOMBSTONE_fields, 1, sizeof(struct bwc_signed_tombstone)};

static const struct bwc_field BWC_TABLE_TOMBSTONE_PAGE_fields[] = {
    {BWC_ITEMS, 0, offsetof(struct bwc_tombstone_page, tombstones), 0, 10, &BWC_TABLE_SIGNED_TOMBSTONE},
    {BWC_U32, 0, offsetof(struct bwc_tombstone_page, next), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_tombstone_page, total), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_TOMBSTONE_PAGE = {BWC_TABLE_TOMBSTONE_PAGE_fields, 3, sizeof(struct bwc_tombstone_page)};

static const struct bwc_field BWC_TABLE_READ_RELEASE_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_read_release, recording), 0, 16, 0},
};
const struct bwc_table BWC_TABLE_READ_RELEASE = {BWC_TABLE_READ_RELEASE_fields, 1, sizeof(struct bwc_read_release)};

const struct bwc_table BWC_TABLE_READ_ASSIGNMENT = {0, 0, 0};

static const struct bwc_field BWC_TABLE_ASSIGNMENT_STATE_fields[] = {
    {BWC_BOOL, 0, offsetof(struct bwc_assignment_state, assigned), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_assignment_state, officer), 0, 64, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_assignment_state, unit), 0, 64, 0},
    {BWC_I64, 0, offsetof(struct bwc_assignment_state, since_utc_ns), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_assignment_state, revision), 0, 0, 0},
    {BWC_TEXT, 1, offsetof(struct bwc_assignment_state, pseudonym), 0, 64, 0},
};
const struct bwc_table BWC_TABLE_ASSIGNMENT_STATE = {BWC_TABLE_ASSIGNMENT_STATE_fields, 6, sizeof(struct bwc_assignment_state)};

static const struct bwc_field BWC_TABLE_ASSIGN_fields[] = {
    {BWC_TEXT, 0, offsetof(struct bwc_assign, officer), 0, 64, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_assign, unit), 0, 64, 0},
    {BWC_U32, 0, offsetof(struct bwc_assign, revision), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_ASSIGN = {BWC_TABLE_ASSIGN_fields, 3, sizeof(struct bwc_assign)};

static const struct bwc_field BWC_TABLE_CLEAR_ASSIGNMENT_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_clear_assignment, revision), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_CLEAR_ASSIGNMENT = {BWC_TABLE_CLEAR_ASSIGNMENT_fields, 1, sizeof(struct bwc_clear_assignment)};

static const struct bwc_field BWC_TABLE_READ_AUDIT_fields[] = {
    {BWC_U64, 0, offsetof(struct bwc_read_audit, after), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_read_audit, limit), 1, 128, 0},
};
const struct bwc_table BWC_TABLE_READ_AUDIT = {BWC_TABLE_READ_AUDIT_fields, 2, sizeof(struct bwc_read_audit)};

static const struct bwc_field BWC_TABLE_AUDIT_ENTRY_fields[] = {
    {BWC_U64, 0, offsetof(struct bwc_audit_entry, sequence), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_audit_entry, utc_ns), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_audit_entry, boot_counter), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_audit_entry, kind), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_audit_entry, actor), 0, 64, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_audit_entry, detail), 0, 160, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_audit_entry, sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_AUDIT_ENTRY = {BWC_TABLE_AUDIT_ENTRY_fields, 7, sizeof(struct bwc_audit_entry)};

static const struct bwc_field BWC_TABLE_AUDIT_PAGE_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_audit_page, previous_sha256), 0, 32, 0},
    {BWC_ITEMS, 0, offsetof(struct bwc_audit_page, entries), 0, 128, &BWC_TABLE_AUDIT_ENTRY},
    {BWC_U64, 0, offsetof(struct bwc_audit_page, last), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_AUDIT_PAGE = {BWC_TABLE_AUDIT_PAGE_fields, 3, sizeof(struct bwc_audit_page)};

const struct bwc_table BWC_TABLE_READ_AUDIT_HEAD = {0, 0, 0};

static const struct bwc_field BWC_TABLE_AUDIT_HEAD_fields[] = {
    {BWC_U64, 0, offsetof(struct bwc_audit_head, sequence), 0, 0, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_audit_head, sha256), 0, 32, 0},
    {BWC_U64, 0, offsetof(struct bwc_audit_head, first), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_AUDIT_HEAD = {BWC_TABLE_AUDIT_HEAD_fields, 3, sizeof(struct bwc_audit_head)};

const struct bwc_table BWC_TABLE_READ_BENCH = {0, 0, 0};

static const struct bwc_field BWC_TABLE_BENCH_STATE_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_bench_state, charge_pct), 0, 0, 0},
    {BWC_U64, 0, offsetof(struct bwc_bench_state, taken_bytes), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_bench_state, clock_moved_ns), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_bench_state, clock_revision), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_bench_state, last_sequence), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_BENCH_STATE = {BWC_TABLE_BENCH_STATE_fields, 5, sizeof(struct bwc_bench_state)};

static const struct bwc_field BWC_TABLE_SET_CHARGE_fields[] = {
    {BWC_U8, 0, offsetof(struct bwc_set_charge, charge_pct), 1, 100, 0},
};
const struct bwc_table BWC_TABLE_SET_CHARGE = {BWC_TABLE_SET_CHARGE_fields, 1, sizeof(struct bwc_set_charge)};

static const struct bwc_field BWC_TABLE_MOVE_CLOCK_fields[] = {
    {BWC_I64, 0, offsetof(struct bwc_move_clock, offset_ns), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_move_clock, revision), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_MOVE_CLOCK = {BWC_TABLE_MOVE_CLOCK_fields, 2, sizeof(struct bwc_move_clock)};

static const struct bwc_field BWC_TABLE_FILL_STORAGE_fields[] = {
    {BWC_U64, 0, offsetof(struct bwc_fill_storage, free_bytes), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_FILL_STORAGE = {BWC_TABLE_FILL_STORAGE_fields, 1, sizeof(struct bwc_fill_storage)};

static const struct bwc_field BWC_TABLE_MAKE_RECORDING_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_make_recording, after), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_make_recording, duration_ms), 1000, 900000, 0},
    {BWC_U32, 0, offsetof(struct bwc_make_recording, size_bytes), 0, 134217728, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_make_recording, category), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_MAKE_RECORDING = {BWC_TABLE_MAKE_RECORDING_fields, 4, sizeof(struct bwc_make_recording)};

static const struct bwc_field BWC_TABLE_BENCH_RECORDING_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_bench_recording, recording), 0, 16, 0},
    {BWC_U32, 0, offsetof(struct bwc_bench_recording, sequence), 0, 0, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_bench_recording, manifest_sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_BENCH_RECORDING = {BWC_TABLE_BENCH_RECORDING_fields, 3, sizeof(struct bwc_bench_recording)};

const struct bwc_table BWC_TABLE_RESTORE_STATE = {0, 0, 0};

const struct bwc_table BWC_TABLE_READ_STATION = {0, 0, 0};

static const struct bwc_field BWC_TABLE_STATION_STATUS_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_station_status, bays), 1, 64, 0},
    {BWC_U16, 0, offsetof(struct bwc_station_status, present), 0, 64, 0},
    {BWC_U16, 0, offsetof(struct bwc_station_status, quarantined), 0, 64, 0},
    {BWC_U16, 0, offsetof(struct bwc_station_status, supply_mv), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_station_status, supply_ma), 0, 0, 0},
    {BWC_I16, 0, offsetof(struct bwc_station_status, temperature_dc), 0, 0, 0},
    {BWC_FLAGS, 0, offsetof(struct bwc_station_status, faults), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_STATION_STATUS = {BWC_TABLE_STATION_STATUS_fields, 7, sizeof(struct bwc_station_status)};

static const struct bwc_field BWC_TABLE_LIST_BAYS_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_list_bays, start), 1, 64, 0},
};
const struct bwc_table BWC_TABLE_LIST_BAYS = {BWC_TABLE_LIST_BAYS_fields, 1, sizeof(struct bwc_list_bays)};

static const struct bwc_field BWC_TABLE_BAY_STATUS_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_bay_status, bay), 1, 64, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_bay_status, state), 0, 0, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_bay_status, present), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_bay_status, docking), 0, 0, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_bay_status, power), 0, 0, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_bay_status, data), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_bay_status, charge), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_bay_status, charge_ma), 0, 0, 0},
    {BWC_I16, 0, offsetof(struct bwc_bay_status, temperature_dc), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_bay_status, led), 0, 0, 0},
    {BWC_FLAGS, 0, offsetof(struct bwc_bay_status, alarms), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_bay_status, incident), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_bay_status, retry_after_ms), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_bay_status, label), 0, 64, 0},
    {BWC_U16, 0, offsetof(struct bwc_bay_status, lease_s), 0, 3600, 0},
    {BWC_ENUM, 1, offsetof(struct bwc_bay_status, verdict), 0, 0, 0},
    {BWC_U16, 1, offsetof(struct bwc_bay_status, verdict_lease_s), 0, 3600, 0},
    {BWC_U16, 1, offsetof(struct bwc_bay_status, lock_s), 0, 600, 0},
};
const struct bwc_table BWC_TABLE_BAY_STATUS = {BWC_TABLE_BAY_STATUS_fields, 18, sizeof(struct bwc_bay_status)};

static const struct bwc_field BWC_TABLE_BAY_PAGE_fields[] = {
    {BWC_ITEMS, 0, offsetof(struct bwc_bay_page, bays), 0, 32, &BWC_TABLE_BAY_STATUS},
    {BWC_U16, 0, offsetof(struct bwc_bay_page, next), 0, 64, 0},
};
const struct bwc_table BWC_TABLE_BAY_PAGE = {BWC_TABLE_BAY_PAGE_fields, 2, sizeof(struct bwc_bay_page)};

static const struct bwc_field BWC_TABLE_READ_BAY_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_read_bay, bay), 1, 64, 0},
};
const struct bwc_table BWC_TABLE_READ_BAY = {BWC_TABLE_READ_BAY_fields, 1, sizeof(struct bwc_read_bay)};

static const struct bwc_field BWC_TABLE_SWITCH_POWER_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_switch_power, bay), 1, 64, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_switch_power, on), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_SWITCH_POWER = {BWC_TABLE_SWITCH_POWER_fields, 2, sizeof(struct bwc_switch_power)};

static const struct bwc_field BWC_TABLE_SWITCH_DATA_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_switch_data, bay), 1, 64, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_switch_data, on), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_SWITCH_DATA = {BWC_TABLE_SWITCH_DATA_fields, 2, sizeof(struct bwc_switch_data)};

static const struct bwc_field BWC_TABLE_IDENTIFY_BAY_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_identify_bay, bay), 1, 64, 0},
    {BWC_U16, 0, offsetof(struct bwc_identify_bay, seconds), 0, 600, 0},
};
const struct bwc_table BWC_TABLE_IDENTIFY_BAY = {BWC_TABLE_IDENTIFY_BAY_fields, 2, sizeof(struct bwc_identify_bay)};

static const struct bwc_field BWC_TABLE_RELEASE_BAY_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_release_bay, bay), 1, 64, 0},
    {BWC_U32, 0, offsetof(struct bwc_release_bay, incident), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_RELEASE_BAY = {BWC_TABLE_RELEASE_BAY_fields, 2, sizeof(struct bwc_release_bay)};

static const struct bwc_field BWC_TABLE_LEASE_BAY_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_lease_bay, bay), 1, 64, 0},
    {BWC_U32, 0, offsetof(struct bwc_lease_bay, docking), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_lease_bay, label), 0, 64, 0},
    {BWC_U16, 0, offsetof(struct bwc_lease_bay, seconds), 0, 3600, 0},
};
const struct bwc_table BWC_TABLE_LEASE_BAY = {BWC_TABLE_LEASE_BAY_fields, 4, sizeof(struct bwc_lease_bay)};

static const struct bwc_field BWC_TABLE_JUDGE_BAY_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_judge_bay, bay), 1, 64, 0},
    {BWC_U32, 0, offsetof(struct bwc_judge_bay, docking), 0, 0, 0},
    {BWC_ENUM, 0, offsetof(struct bwc_judge_bay, verdict), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_judge_bay, seconds), 0, 3600, 0},
};
const struct bwc_table BWC_TABLE_JUDGE_BAY = {BWC_TABLE_JUDGE_BAY_fields, 4, sizeof(struct bwc_judge_bay)};

static const struct bwc_field BWC_TABLE_LOCK_BAY_fields[] = {
    {BWC_U16, 0, offsetof(struct bwc_lock_bay, bay), 1, 64, 0},
    {BWC_U32, 0, offsetof(struct bwc_lock_bay, docking), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_lock_bay, seconds), 0, 600, 0},
};
const struct bwc_table BWC_TABLE_LOCK_BAY = {BWC_TABLE_LOCK_BAY_fields, 3, sizeof(struct bwc_lock_bay)};

const struct bwc_table BWC_TABLE_READ_TRUST = {0, 0, 0};

static const struct bwc_field BWC_TABLE_FINGERPRINT_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_fingerprint, sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_FINGERPRINT = {BWC_TABLE_FINGERPRINT_fields, 1, sizeof(struct bwc_fingerprint)};

static const struct bwc_field BWC_TABLE_OPENING_PROOF_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_opening_proof, recipient), 0, 32, 0},
    {BWC_I64, 0, offsetof(struct bwc_opening_proof, utc_ns), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_opening_proof, powered_min), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_OPENING_PROOF = {BWC_TABLE_OPENING_PROOF_fields, 3, sizeof(struct bwc_opening_proof)};

static const struct bwc_field BWC_TABLE_TRUST_STATE_fields[] = {
    {BWC_BOOL, 0, offsetof(struct bwc_trust_state, enrolled), 0, 0, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_trust_state, agency), 0, 64, 0},
    {BWC_TEXT, 0, offsetof(struct bwc_trust_state, lab), 0, 32, 0},
    {BWC_ITEMS, 0, offsetof(struct bwc_trust_state, roots), 0, 2, &BWC_TABLE_FINGERPRINT},
    {BWC_BLOB, 0, offsetof(struct bwc_trust_state, issuer_key_id), 0, 32, 0},
    {BWC_I64, 0, offsetof(struct bwc_trust_state, not_before_s), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_trust_state, not_after_s), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_trust_state, deny_counter), 0, 0, 0},
    {BWC_ITEMS, 0, offsetof(struct bwc_trust_state, recipients), 0, 4, &BWC_TABLE_FINGERPRINT},
    {BWC_BOOL, 0, offsetof(struct bwc_trust_state, locked), 0, 0, 0},
    {BWC_I64, 0, offsetof(struct bwc_trust_state, floor_s), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_trust_state, desired_counter), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_trust_state, generation), 0, 0, 0},
    {BWC_BOOL, 0, offsetof(struct bwc_trust_state, requested), 0, 0, 0},
    {BWC_U16, 0, offsetof(struct bwc_trust_state, window_s), 0, 0, 0},
    {BWC_ITEMS, 0, offsetof(struct bwc_trust_state, proofs), 0, 4, &BWC_TABLE_OPENING_PROOF},
};
const struct bwc_table BWC_TABLE_TRUST_STATE = {BWC_TABLE_TRUST_STATE_fields, 16, sizeof(struct bwc_trust_state)};

const struct bwc_table BWC_TABLE_REQUEST_CERTIFICATE = {0, 0, 0};

static const struct bwc_field BWC_TABLE_CERTIFICATE_REQUEST_fields[] = {
    {BWC_BLOB, 0, offsetof(struct bwc_certificate_request, request), 0, 1024, 0},
    {BWC_BLOB, 1, offsetof(struct bwc_certificate_request, proof), 0, 5120, 0},
};
const struct bwc_table BWC_TABLE_CERTIFICATE_REQUEST = {BWC_TABLE_CERTIFICATE_REQUEST_fields, 2, sizeof(struct bwc_certificate_request)};

static const struct bwc_field BWC_TABLE_ENROLL_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_enroll, length), 1, 280640, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_enroll, sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_ENROLL = {BWC_TABLE_ENROLL_fields, 2, sizeof(struct bwc_enroll)};

static const struct bwc_field BWC_TABLE_RENEW_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_renew, length), 1, 4112, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_renew, sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_RENEW = {BWC_TABLE_RENEW_fields, 2, sizeof(struct bwc_renew)};

static const struct bwc_field BWC_TABLE_INSTALL_DENY_LIST_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_install_deny_list, length), 1, 262144, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_install_deny_list, sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_INSTALL_DENY_LIST = {BWC_TABLE_INSTALL_DENY_LIST_fields, 2, sizeof(struct bwc_install_deny_list)};

const struct bwc_table BWC_TABLE_READ_DENY_LIST = {0, 0, 0};

const struct bwc_table BWC_TABLE_GIVE_NONCE = {0, 0, 0};

static const struct bwc_field BWC_TABLE_ORDER_NONCE_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_order_nonce, nonce), 0, 16, 0},
    {BWC_U32, 0, offsetof(struct bwc_order_nonce, sequence), 0, 0, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_order_nonce, manifest_sha256), 0, 32, 0},
    {BWC_U32, 0, offsetof(struct bwc_order_nonce, recordings), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_order_nonce, held), 0, 0, 0},
    {BWC_U32, 0, offsetof(struct bwc_order_nonce, undelivered), 0, 0, 0},
};
const struct bwc_table BWC_TABLE_ORDER_NONCE = {BWC_TABLE_ORDER_NONCE_fields, 6, sizeof(struct bwc_order_nonce)};

static const struct bwc_field BWC_TABLE_CARRY_OUT_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_carry_out, nonce), 0, 16, 0},
    {BWC_U32, 0, offsetof(struct bwc_carry_out, length), 1, 10240, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_carry_out, sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_CARRY_OUT = {BWC_TABLE_CARRY_OUT_fields, 3, sizeof(struct bwc_carry_out)};

static const struct bwc_field BWC_TABLE_TAKE_DESIRED_STATE_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_take_desired_state, length), 1, 114688, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_take_desired_state, sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_TAKE_DESIRED_STATE = {BWC_TABLE_TAKE_DESIRED_STATE_fields, 2, sizeof(struct bwc_take_desired_state)};

const struct bwc_table BWC_TABLE_READ_RESET_RECORD = {0, 0, 0};

static const struct bwc_field BWC_TABLE_RESET_RECORD_fields[] = {
    {BWC_BLOB, 0, offsetof(struct bwc_reset_record, record), 0, 8192, 0},
};
const struct bwc_table BWC_TABLE_RESET_RECORD = {BWC_TABLE_RESET_RECORD_fields, 1, sizeof(struct bwc_reset_record)};

static const struct bwc_field BWC_TABLE_CHALLENGE_RECIPIENT_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_challenge_recipient, recipient), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_CHALLENGE_RECIPIENT = {BWC_TABLE_CHALLENGE_RECIPIENT_fields, 1, sizeof(struct bwc_challenge_recipient)};

static const struct bwc_field BWC_TABLE_OPENING_CHALLENGE_fields[] = {
    {BWC_BLOB, 0, offsetof(struct bwc_opening_challenge, sealed), 0, 160, 0},
};
const struct bwc_table BWC_TABLE_OPENING_CHALLENGE = {BWC_TABLE_OPENING_CHALLENGE_fields, 1, sizeof(struct bwc_opening_challenge)};

static const struct bwc_field BWC_TABLE_PROVE_OPENING_fields[] = {
    {BWC_BYTES, 0, offsetof(struct bwc_prove_opening, recipient), 0, 32, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_prove_opening, opened), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_PROVE_OPENING = {BWC_TABLE_PROVE_OPENING_fields, 2, sizeof(struct bwc_prove_opening)};

static const struct bwc_field BWC_TABLE_SEIZE_fields[] = {
    {BWC_U32, 0, offsetof(struct bwc_seize, length), 1, 5120, 0},
    {BWC_BYTES, 0, offsetof(struct bwc_seize, sha256), 0, 32, 0},
};
const struct bwc_table BWC_TABLE_SEIZE = {BWC_TABLE_SEIZE_fields, 2, sizeof(struct bwc_seize)};

const uint32_t bwc_forbidden[][2] = {
    {0x0, 0x1f},
    {0x7f, 0x9f},
    {0xad, 0xad},
    {0x600, 0x605},
    {0x61c, 0x61c},
    {0x6dd, 0x6dd},
    {0x70f, 0x70f},
    {0x890, 0x891},
    {0x8e2, 0x8e2},
    {0x180e, 0x180e},
    {0x200b, 0x200f},
    {0x2028, 0x202e},
    {0x2060, 0x2064},
    {0x2066, 0x206f},
    {0xd800, 0xdfff},
    {0xfeff, 0xfeff},
    {0xfff9, 0xfffb},
    {0x110bd, 0x110bd},
    {0x110cd, 0x110cd},
    {0x13430, 0x13438},
    {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a},
    {0xe0001, 0xe0001},
    {0xe0020, 0xe007f},
};
const uint16_t bwc_forbidden_count = 24;
