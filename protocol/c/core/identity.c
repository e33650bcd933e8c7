/* What the device is, and how it is (spec: Identity, Battery, Storage). */
#include <string.h>

#include "board.h"
#include "commands.h"
#include "device.h"

static struct bwc_bytes text(const char *from)
{
    return (struct bwc_bytes){(const uint8_t *)from, (uint16_t)strlen(from)};
}

uint8_t bwc_identify(struct bwc_device *d, const void *request)
{
    const struct bwc_identity *known = &bwc_board_identity;
    (void)request;
    bwc_reply(d, &BWC_TABLE_DEVICE_IDENTITY,
              &(struct bwc_device_identity){
                  .kind = BWC_PEER_KIND_CAMERA,
                  .manufacturer = text(known->manufacturer),
                  .model = text(known->model),
                  .serial = text(known->serial),
                  .hardware = text(known->hardware),
                  .firmware = text(known->firmware),
                  .firmware_sha256 = known->firmware_sha256,
                  .boot_counter = d->state.boot_counter,
                  .simulator = (known->capabilities & BWC_CAPABILITY_SIMULATOR) != 0,
              });
    return 0;
}

uint8_t bwc_capabilities(struct bwc_device *d, const void *request)
{
    (void)request;
    bwc_reply(d, &BWC_TABLE_DEVICE_CAPABILITIES,
              &(struct bwc_device_capabilities){
                  .capabilities = bwc_board_identity.capabilities,
                  .max_streams = BWC_STREAMS,
                  .max_requests = 16, /* one by one: those that wait are behind the window */
                  .battery_cells = 1,
                  .config_keys = BWC_SETTINGS,
                  .max_request = BWC_MAX_REQUEST,
              });
    return 0;
}

uint8_t bwc_status(struct bwc_device *d, const void *request)
{
    struct bwc_health health;
    (void)request;
    bwc_board_health(&health);
    bwc_reply(d, &BWC_TABLE_DEVICE_STATUS,
              &(struct bwc_device_status){
                  .state = BWC_CAMERA_STATE_READY,
                  .docked = health.docked,
                  .uptime_s = (uint32_t)(d->now / 1000000u),
                  .faults = d->clock.state == BWC_CLOCK_STATE_UNSET ? BWC_FAULT_CLOCK_UNSET : 0,
                  .streams = (uint8_t)bwc_streams_open(d),
                  .boot_counter = d->state.boot_counter,
              });
    return 0;
}

uint8_t bwc_battery(struct bwc_device *d, const void *request)
{
    const struct bwc_read_battery *asked = request;
    struct bwc_health health;
    if (asked->cell)
        return BWC_ERROR_CODE_NOT_FOUND;
    bwc_board_health(&health);
    bwc_reply(d, &BWC_TABLE_BATTERY_STATUS,
              &(struct bwc_battery_status){
                  .charge_pct = health.charge_pct,
                  .state = health.charging ? BWC_CHARGE_STATE_CHARGING : BWC_CHARGE_STATE_DISCHARGING,
                  .voltage_mv = health.voltage_mv,
                  .current_ma = health.current_ma,
                  .temperature_dc = health.temperature_dc,
                  .cycles = health.cycles,
                  .health_pct = health.health_pct,
                  .time_left_s = health.time_left_s,
              });
    return 0;
}

uint8_t bwc_storage_status(struct bwc_device *d, const void *request)
{
    struct bwc_health health;
    (void)request;
    bwc_board_health(&health);
    bwc_reply(d, &BWC_TABLE_STORAGE_STATUS,
              &(struct bwc_storage_status){
                  .capacity_bytes = health.capacity_bytes,
                  .free_bytes = health.free_bytes,
                  .recording_time_left_s = BWC_NOT_KNOWN,
                  .recordings = bwc_board_recordings(),
              });
    return 0;
}

uint8_t bwc_storage_health(struct bwc_device *d, const void *request)
{
    struct bwc_health health;
    (void)request;
    bwc_board_health(&health);
    bwc_reply(d, &BWC_TABLE_STORAGE_HEALTH,
              &(struct bwc_storage_health){
                  .ext_csd_rev = health.ext_csd_rev,
                  .pre_eol = health.pre_eol,
                  .life_time_a = health.life_time_a,
                  .life_time_b = health.life_time_b,
                  .bad_blocks = health.bad_blocks,
                  .written_bytes = health.written_bytes,
              });
    return 0;
}
