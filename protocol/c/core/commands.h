/* The commands that this device has, each with its roles and its handler (spec: Commands). */
#ifndef BWC_COMMANDS_H
#define BWC_COMMANDS_H

#include "frame.h"

struct bwc_device;

/* Answers by bwc_reply and gives 0; or gives the code of a refusal, and has changed nothing. */
typedef uint8_t bwc_handler(struct bwc_device *device, const void *request);

struct bwc_command {
    uint16_t opcode;
    uint8_t roles;
    bool opens_stream;
    const struct bwc_table *request;
    bwc_handler *carry_out;
};

union bwc_any_request {
    struct bwc_read_battery battery;
    struct bwc_exchange_time exchange;
    struct bwc_set_clock set;
    struct bwc_read_schema schema;
    struct bwc_read_config config;
    struct bwc_stage_config stage;
    struct bwc_apply_config apply;
    struct bwc_list_recordings list;
    struct bwc_read_manifest manifest;
    struct bwc_open_table table;
    struct bwc_open_segment segment;
    struct bwc_read_audit audit;
};

extern const struct bwc_command bwc_commands[];
const struct bwc_command *bwc_command(uint16_t opcode); /* 0: the device does not have it */

bwc_handler bwc_identify, bwc_capabilities, bwc_status, bwc_battery, bwc_storage_status, bwc_storage_health;
bwc_handler bwc_clock_read, bwc_clock_exchange, bwc_clock_set;
bwc_handler bwc_config_schema, bwc_config_read, bwc_config_state, bwc_config_stage, bwc_config_commit, bwc_config_abort;
bwc_handler bwc_recordings_page, bwc_recordings_manifest, bwc_recordings_open_table, bwc_recordings_open;
bwc_handler bwc_audit_page, bwc_audit_head;

#endif
