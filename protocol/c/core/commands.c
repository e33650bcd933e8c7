#include "commands.h"

#define COMMAND(name, opens_stream, request, handler)                                                                  \
    {BWC_OP_##name, BWC_ROLES_##name, opens_stream, &BWC_TABLE_##request, handler}

const struct bwc_command bwc_commands[] = {
    COMMAND(DEVICE_IDENTIFY, false, IDENTIFY, bwc_identify),
    COMMAND(DEVICE_CAPABILITIES, false, READ_CAPABILITIES, bwc_capabilities),
    COMMAND(DEVICE_STATUS, false, READ_STATUS, bwc_status),
    COMMAND(BATTERY_STATUS, false, READ_BATTERY, bwc_battery),
    COMMAND(STORAGE_STATUS, false, READ_STORAGE, bwc_storage_status),
    COMMAND(STORAGE_HEALTH, false, READ_STORAGE_HEALTH, bwc_storage_health),
    COMMAND(CLOCK_READ, false, READ_CLOCK, bwc_clock_read),
    COMMAND(CLOCK_EXCHANGE, false, EXCHANGE_TIME, bwc_clock_exchange),
    COMMAND(CLOCK_SET, false, SET_CLOCK, bwc_clock_set),
    COMMAND(CONFIG_SCHEMA, false, READ_SCHEMA, bwc_config_schema),
    COMMAND(CONFIG_READ, false, READ_CONFIG, bwc_config_read),
    COMMAND(CONFIG_STATE, false, READ_CONFIG_STATE, bwc_config_state),
    COMMAND(CONFIG_STAGE, false, STAGE_CONFIG, bwc_config_stage),
    COMMAND(CONFIG_COMMIT, false, APPLY_CONFIG, bwc_config_commit),
    COMMAND(CONFIG_ABORT, false, ABORT_CONFIG, bwc_config_abort),
    COMMAND(RECORDINGS_PAGE, false, LIST_RECORDINGS, bwc_recordings_page),
    COMMAND(RECORDINGS_MANIFEST, false, READ_MANIFEST, bwc_recordings_manifest),
    COMMAND(RECORDINGS_TABLE, true, OPEN_TABLE, bwc_recordings_open_table),
    COMMAND(RECORDINGS_OPEN, true, OPEN_SEGMENT, bwc_recordings_open),
    COMMAND(AUDIT_PAGE, false, READ_AUDIT, bwc_audit_page),
    COMMAND(AUDIT_HEAD, false, READ_AUDIT_HEAD, bwc_audit_head),
};

const struct bwc_command *bwc_command(uint16_t opcode)
{
    for (unsigned i = 0; i < sizeof bwc_commands / sizeof *bwc_commands; i++)
        if (bwc_commands[i].opcode == opcode)
            return &bwc_commands[i];
    return 0;
}
