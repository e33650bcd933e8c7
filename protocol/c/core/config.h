/* Settings: staged, then applied all in one step (spec: Configuration). All of them take effect at once. */
#ifndef BWC_CONFIG_H
#define BWC_CONFIG_H

#include "frame.h"

struct bwc_device;

#define BWC_SETTINGS 5
#define BWC_SETTING_TEXT 16

struct bwc_value {
    int64_t number;
    uint8_t size;
    uint8_t text[BWC_SETTING_TEXT];
};

struct bwc_config {
    uint8_t staged; /* which of them, a bit each */
    struct bwc_value values[BWC_SETTINGS];
};

void bwc_config_defaults(struct bwc_device *device);
void bwc_config_drop_staged(struct bwc_device *device);

#endif
