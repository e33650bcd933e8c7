#include "config.h"

#include <string.h>

#include "board.h"
#include "commands.h"
#include "defects.h"
#include "device.h"

/* The schema, in the order of the keys. A number of a bool or an int, a text of the others; `low` and `high` bound an
 * int, or the bytes of a text. */
static const struct setting {
    const char *key;
    uint8_t type;
    int16_t low, high, number;
    const char *text, *unit, *choices, *doc;
} schema[BWC_SETTINGS] = {
    {"indicator.tones", BWC_SETTING_TYPE_BOOL, 0, 1, 1, "", "", "", "tones at start and stop"},
    {"policy.id", BWC_SETTING_TYPE_TEXT, 0, BWC_SETTING_TEXT, 0, "", "", "", "policy in force"},
    {"recording.post_event_s", BWC_SETTING_TYPE_INT, 0, 60, 0, "", "s", "", "recorded after the stop"},
    {"recording.pre_event_s", BWC_SETTING_TYPE_INT, 0, 120, 30, "", "s", "", "recorded before the start"},
    {"recording.resolution", BWC_SETTING_TYPE_CHOICE, 0, 0, 0, "720p", "", "480p|720p|1080p", "size of the picture"},
};

static struct bwc_bytes text(const char *from)
{
    return (struct bwc_bytes){(const uint8_t *)from, (uint16_t)strlen(from)};
}

static bool is(const struct bwc_bytes *one, const char *other)
{
    return one->size == strlen(other) && (!one->size || !memcmp(one->at, other, one->size));
}

void bwc_config_defaults(struct bwc_device *d)
{
    for (unsigned i = 0; i < BWC_SETTINGS; i++) {
        struct bwc_value *value = &d->state.settings[i];
        value->number = schema[i].number;
        value->size = (uint8_t)strlen(schema[i].text);
        memcpy(value->text, schema[i].text, value->size);
    }
}

void bwc_config_drop_staged(struct bwc_device *d) { d->config.staged = 0; }

static unsigned staged(const struct bwc_device *d)
{
    unsigned count = 0;
    for (unsigned i = 0; i < BWC_SETTINGS; i++)
        count += d->config.staged >> i & 1;
    return count;
}

/* Reading */

uint8_t bwc_config_schema(struct bwc_device *d, const void *request)
{
    unsigned start = ((const struct bwc_read_schema *)request)->start;
    const struct setting *known = &schema[start < BWC_SETTINGS ? start : 0];
    struct bwc_setting_schema entry = {
        .key = text(known->key),
        .type = known->type,
        .low = known->low,
        .high = known->high,
        .unit = text(known->unit),
        .choices = text(known->choices),
        .default_number = known->number,
        .default_text = text(known->text),
        .takes_effect = BWC_TAKES_EFFECT_AT_ONCE,
        .doc = text(known->doc),
    };
    struct bwc_schema_page page = {{&entry, 0, start < BWC_SETTINGS}, /* REC-019 */
                                   (uint16_t)(start + 1 < BWC_SETTINGS ? start + 1 : 0)};
    bwc_reply(d, &BWC_TABLE_SCHEMA_PAGE, &page);
    return 0;
}

uint8_t bwc_config_read(struct bwc_device *d, const void *request)
{
    const struct bwc_read_config *asked = request;
    bool only_staged = asked->view == BWC_CONFIG_VIEW_STAGED;
    struct bwc_setting settings[BWC_SETTINGS];
    unsigned count = 0, skip = asked->start;
    if (!asked->view || asked->view > BWC_CONFIG_VIEW_STAGED)
        return BWC_ERROR_CODE_OUT_OF_RANGE;
    for (unsigned i = 0; i < BWC_SETTINGS; i++) {
        const struct bwc_value *value = only_staged ? &d->config.values[i] : &d->state.settings[i];
        if (only_staged && !(d->config.staged >> i & 1))
            continue;
        if (skip && skip--)
            continue;
        settings[count++] = (struct bwc_setting){text(schema[i].key), schema[i].type, value->number,
                                                 {value->text, value->size}};
    }
    bwc_reply(d, &BWC_TABLE_CONFIG_PAGE,
              &(struct bwc_config_page){d->state.config_revision, {settings, 0, (uint16_t)count}, 0});
    return 0;
}

uint8_t bwc_config_state(struct bwc_device *d, const void *request)
{
    uint32_t revision = d->state.config_revision;
    (void)request;
    bwc_reply(d, &BWC_TABLE_CONFIG_STATE, &(struct bwc_config_state){revision, revision, (uint16_t)staged(d), 0});
    return 0;
}

/* Changing */

static bool offers(const char *choices, const struct bwc_bytes *text)
{
    for (const char *at = choices, *end; *at; at = *end ? end + 1 : end) {
        for (end = at; *end && *end != '|'; end++) {
        }
        if (text->size && (size_t)(end - at) == text->size && !memcmp(at, text->at, text->size))
            return true;
    }
    return false;
}

/* The code of a setting that cannot be staged, or 0. `seen` has those before it. */
static uint8_t judge(const struct bwc_setting *setting, uint8_t *seen, unsigned *place)
{
    const struct setting *known;
    int64_t judged = setting->number;
    unsigned i = 0;
    while (i < BWC_SETTINGS && !is(&setting->key, schema[i].key))
        i++;
    if (i == BWC_SETTINGS)
        return BWC_ERROR_CODE_UNKNOWN_SETTING;
    *place = i;
    known = &schema[i];
    if (*seen >> i & 1) /* CFG-008 */
        return BWC_ERROR_CODE_MALFORMED;
    *seen = (uint8_t)(*seen | 1 << i);
    if (setting->type != known->type && !DEFECT(ANY_TYPE))
        return BWC_ERROR_CODE_WRONG_TYPE;
    if (known->type == BWC_SETTING_TYPE_CHOICE)
        return offers(known->choices, &setting->text) ? 0 : BWC_ERROR_CODE_OUT_OF_RANGE;
    if (known->type == BWC_SETTING_TYPE_TEXT)
        judged = setting->text.size;
    return judged >= known->low && judged <= known->high ? 0 : BWC_ERROR_CODE_OUT_OF_RANGE;
}

static void stage(struct bwc_device *d, const struct bwc_setting *setting, unsigned place)
{
    struct bwc_value *value = &d->config.values[place];
    bool text = schema[place].type >= BWC_SETTING_TYPE_CHOICE;
    value->number = text ? 0 : setting->number;
    value->size = text ? (uint8_t)setting->text.size : 0;
    memcpy(value->text, setting->text.at, value->size);
    d->config.staged = (uint8_t)(d->config.staged | 1 << place);
}

/* CFG-001: a first round judges all of them, a second stages them. */
uint8_t bwc_config_stage(struct bwc_device *d, const void *request)
{
    const struct bwc_stage_config *asked = request;
    struct bwc_setting setting;
    unsigned place = 0;
    if (asked->revision != d->state.config_revision && !DEFECT(ANY_REVISION)) /* CFG-004 */
        return BWC_ERROR_CODE_CONFLICT;
    for (unsigned staging = 0; staging < 2; staging++) {
        struct bwc_items list = asked->settings;
        uint8_t seen = 0, code;
        while (list.count--) {
            bwc_next_item(&list, &BWC_TABLE_SETTING, &setting);
            code = judge(&setting, &seen, &place);
            if (code)
                return code;
            if (staging || DEFECT(STAGES_SOME))
                stage(d, &setting, place);
        }
    }
    return bwc_config_state(d, 0);
}

uint8_t bwc_config_commit(struct bwc_device *d, const void *request)
{
    struct bwc_state before = d->state;
    if (((const struct bwc_apply_config *)request)->revision != before.config_revision && !DEFECT(ANY_REVISION))
        return BWC_ERROR_CODE_CONFLICT;
    if (d->config.staged) { /* CFG-009 */
        for (unsigned i = 0; i < BWC_SETTINGS; i++)
            if (d->config.staged >> i & 1)
                d->state.settings[i] = d->config.values[i];
        d->state.config_revision++;
        if (!bwc_audit(d, BWC_AUDIT_KIND_CONFIG_APPLIED, "revision # settings #",
                       (const int64_t[]){d->state.config_revision, staged(d)})
            || !bwc_keep(d)) { /* CFG-003: one block of storage, whole or not at all */
            before.log_first = d->state.log_first;
            d->state = before;
            return BWC_ERROR_CODE_STORAGE_FAULT;
        }
        bwc_config_drop_staged(d);
    }
    return bwc_config_state(d, 0);
}

uint8_t bwc_config_abort(struct bwc_device *d, const void *request)
{
    (void)request;
    bwc_config_drop_staged(d);
    bwc_reply(d, &BWC_TABLE_DONE, 0);
    return 0;
}
