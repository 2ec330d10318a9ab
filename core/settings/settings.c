#include "core/settings/settings.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/text.h"

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define DAY (INT64_C(24) * 3600)
#define SLOT(member) offsetof(struct settings, member)

static const char *const notices[] = {"none", "bell", "osc9", "both", NULL};
static const char *const colors[] = {"auto", "always", "never", NULL};

/* The order is that of the listing and of the manual. */
const struct setting settings_table[] = {
    {"", "cache-root", SETTING_DIRECTORIES, SLOT(cache_roots), 0, 0, NULL, NULL,
     "/tmp/docker-cache",
     "A directory that holds cache directories, as --cache-root; without one the project says"},
    {"", "abandoned-after", SETTING_AGE, SLOT(abandoned_after), 1, 520 * 7 * DAY, NULL, "30d", NULL,
     "A cache that no project names is abandoned when nothing was written to it for so long"},
    {"disk", "amber", SETTING_LEVEL, SLOT(disk_amber), 0, 0, NULL, "85%", NULL,
     "A disk is getting full: so much of it is used, or (a size) less is free"},
    {"disk", "red", SETTING_LEVEL, SLOT(disk_red), 0, 0, NULL, "95%", NULL,
     "A disk is as good as full; goes before amber"},
    {"build", "args", SETTING_ASSIGNMENTS, SLOT(build_args), 0, 0, NULL, NULL, "RUST_LOG=info",
     "A build argument, as --build-arg"},
    {"build", "profiles", SETTING_WORDS, SLOT(build_profiles), 0, 0, NULL, NULL, "dev",
     "A profile of the compose project that builds include, as compose's --profile"},
    {"build", "pull", SETTING_FLAG, SLOT(build_pull), 0, 0, NULL, "no", NULL,
     "Builds look for newer base images"},
    {"build", "no-cache", SETTING_FLAG, SLOT(build_no_cache), 0, 0, NULL, "no", NULL,
     "Builds run every step anew"},
    {"build", "parallel", SETTING_COUNT, SLOT(build_parallel), 1, 16, NULL, "1", NULL,
     "So many builds run at once; others wait for their turn"},
    {"build", "notify", SETTING_CHOICE, SLOT(build_notify), 0, 0, notices, "none", NULL,
     "At a build's end: the terminal's bell, a notice (OSC 9), or both"},
    {"log", "memory", SETTING_SIZE, SLOT(log_memory), MIB, 4 * GIB, NULL, "64MiB", NULL,
     "What a build's log takes of memory; older lines go to a file"},
    {"guard", "keep-free", SETTING_SIZE, SLOT(guard_keep_free), 1, INT64_MAX, NULL, NULL, "10GB",
     "So much is to stay free, as --keep-free of bilge guard"},
    {"guard", "interval", SETTING_AGE, SLOT(guard_interval), 1, 7 * DAY, NULL, "5m", NULL,
     "The guard looks so often"},
    {"guard", "older-than", SETTING_AGE, SLOT(guard_older_than), 1, 520 * 7 * DAY, NULL, NULL,
     "24h", "The guard takes only what was used longer ago"},
    {"ui", "color", SETTING_CHOICE, SLOT(ui_color), 0, 0, colors, "auto", NULL,
     "Colours: auto goes by NO_COLOR"},
    {"ui", "ascii", SETTING_FLAG, SLOT(ui_ascii), 0, 0, NULL, "no", NULL,
     "The screen in plain ASCII"},
    {"ui", "mouse", SETTING_FLAG, SLOT(ui_mouse), 0, 0, NULL, "yes", NULL,
     "The screen takes the mouse"},
};
const size_t settings_table_len = sizeof settings_table / sizeof settings_table[0];

static void *slot_of(const struct settings *settings, const struct setting *setting)
{
    return (char *)settings + setting->offset;
}

static uint64_t bit_of(const struct setting *setting)
{
    return UINT64_C(1) << (setting - settings_table);
}

bool setting_is_list(const struct setting *setting)
{
    return setting->kind >= SETTING_DIRECTORIES;
}

char *setting_name(const struct setting *setting)
{
    return mem_printf("%s%s%s", setting->section, setting->section[0] != '\0' ? "." : "",
                      setting->name);
}

const struct setting *settings_find(const char *section, const char *name)
{
    for (size_t i = 0; i < settings_table_len; i++)
        if (strcmp(settings_table[i].section, section) == 0 &&
            strcmp(settings_table[i].name, name) == 0)
            return &settings_table[i];
    return NULL;
}

bool settings_has_section(const char *section)
{
    for (size_t i = 0; i < settings_table_len; i++)
        if (strcmp(settings_table[i].section, section) == 0)
            return true;
    return false;
}

bool settings_is_given(const struct settings *settings, const struct setting *setting)
{
    return (settings->given & bit_of(setting)) != 0;
}

/* ------------------------------------------------- text to value, by kind */

static void add(struct settings_list *list, char *takes)
{
    mem_reserve((void **)&list->items, &list->cap, list->len + 1, sizeof *list->items);
    list->items[list->len++] = takes;
}

static bool parse_flag(const char *text, bool *ret_flag)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *ret_flag = i % 2 == 1;
            return true;
        }
    return false;
}

static bool parse_choice(const struct setting *setting, const char *text, int *ret_choice)
{
    for (int i = 0; setting->choices[i] != NULL; i++)
        if (strcasecmp(text, setting->choices[i]) == 0) {
            *ret_choice = i;
            return true;
        }
    return false;
}

static bool parse_number(const struct setting *setting, const char *text, int64_t *ret_number)
{
    if (setting->kind == SETTING_SIZE)
        return text_parse_size(text, ret_number);
    if (setting->kind == SETTING_AGE)
        return text_parse_age(text, ret_number);
    char *end;
    errno = 0;
    *ret_number = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && *text >= '0' && *text <= '9';
}

/* NULL: it is none. */
static char *parse_directory(const char *text)
{
    const char *home = getenv("HOME");
    if (text[0] == '/')
        return mem_strdup(text);
    if (text[0] == '~' && (text[1] == '/' || text[1] == '\0') && home != NULL && home[0] == '/')
        return mem_printf("%s%s", home, text + 1);
    return NULL;
}

/* What docker takes for a name: it must not look like an option. */
static bool is_word(const char *text)
{
    return text[0] != '\0' && text[0] != '-' && strpbrk(text, " \t") == NULL;
}

static bool is_assignment(const char *text)
{
    size_t len = strcspn(text, "= \t");
    return len > 0 && text[0] != '-' && text[len] == '=';
}

static char *refusal(const struct setting *setting, const char *text)
{
    struct buf choices = {0};
    switch (setting->kind) {
    case SETTING_FLAG:
        return mem_printf("\"%s\" is not yes or no", text);
    case SETTING_COUNT:
        return mem_printf("\"%s\" is not a number", text);
    case SETTING_SIZE:
        return text_size_refusal(text);
    case SETTING_AGE:
        return text_age_refusal(text);
    case SETTING_LEVEL:
        return level_refusal(text);
    case SETTING_DIRECTORIES:
        return mem_printf("\"%s\" is not an absolute path", text);
    case SETTING_WORDS:
        return mem_printf("\"%s\" is not a name", text);
    case SETTING_ASSIGNMENTS:
        return mem_printf("\"%s\" is not NAME=value", text);
    default:
        buf_printf(&choices, "\"%s\" is not one of ", text);
        setting_append_form(setting, &choices);
        return buf_take(&choices);
    }
}

static int refuse(const struct setting *setting, const char *text, struct err *err)
{
    char *name = setting_name(setting), *reason = refusal(setting, text);
    err_set(err, ERR_USAGE, "%s: %s", name, reason);
    free(reason);
    free(name);
    return ERR_USAGE;
}

static int set_number(const struct setting *setting, const char *text, int64_t *slot,
                      struct err *err)
{
    int64_t number;
    if (!parse_number(setting, text, &number))
        return refuse(setting, text, err);
    if (number < setting->min || number > setting->max) {
        char *name = setting_name(setting);
        err_set(err, ERR_USAGE, "%s: \"%s\" is too %s", name, text,
                number < setting->min ? "small" : "large");
        free(name);
        return ERR_USAGE;
    }
    *slot = number;
    return 0;
}

static int set_item(const struct setting *setting, const char *text, struct settings_list *list,
                    struct err *err)
{
    char *item = NULL;
    if (setting->kind == SETTING_DIRECTORIES)
        item = parse_directory(text);
    else if (setting->kind == SETTING_WORDS ? is_word(text) : is_assignment(text))
        item = mem_strdup(text);
    if (item == NULL)
        return refuse(setting, text, err);
    add(list, item);
    return 0;
}

static int set(struct settings *settings, const struct setting *setting, const char *text,
               struct err *err)
{
    void *slot = slot_of(settings, setting);
    switch (setting->kind) {
    case SETTING_FLAG:
        return parse_flag(text, slot) ? 0 : refuse(setting, text, err);
    case SETTING_CHOICE:
        return parse_choice(setting, text, slot) ? 0 : refuse(setting, text, err);
    case SETTING_LEVEL:
        return level_parse(text, slot) ? 0 : refuse(setting, text, err);
    case SETTING_COUNT:
    case SETTING_SIZE:
    case SETTING_AGE:
        return set_number(setting, text, slot, err);
    default:
        return set_item(setting, text, slot, err);
    }
}

int settings_set(struct settings *settings, const struct setting *setting, const char *text,
                 struct err *err)
{
    int code = 0;
    char *name = setting_name(setting);
    if (text[0] == '\0')
        code = err_set(err, ERR_USAGE, "%s: the value is empty", name);
    else if (settings_is_given(settings, setting) && !setting_is_list(setting))
        code = err_set(err, ERR_USAGE, "%s is given twice", name);
    else
        code = set(settings, setting, text, err);
    if (code == 0)
        settings->given |= bit_of(setting);
    free(name);
    return code;
}

void settings_init(struct settings *settings)
{
    *settings = (struct settings){0};
    assert(settings_table_len <= 64);
    for (size_t i = 0; i < settings_table_len; i++) {
        const struct setting *setting = &settings_table[i];
        int code = setting->fallback != NULL ? set(settings, setting, setting->fallback, NULL) : 0;
        assert(code == 0);
        (void)code;
    }
}

void settings_done(struct settings *settings)
{
    for (size_t i = 0; i < settings_table_len; i++) {
        if (!setting_is_list(&settings_table[i]))
            continue;
        struct settings_list *list = slot_of(settings, &settings_table[i]);
        for (size_t k = 0; k < list->len; k++)
            free(list->items[k]);
        free(list->items);
    }
    *settings = (struct settings){0};
}
