/* bilge settings: those in effect, as a file that can be read again; and their
 * way from the file into what the commands get. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "core/base/text.h"

/* -------------------------------------------------------------- reading */

int globals_read_settings(struct globals *globals, struct err *err)
{
    bool found = false;
    int code = 0;
    settings_init(&globals->settings);
    if (globals->config != NULL)
        code = settings_read(&globals->settings, globals->config, true, &found, err);
    else if (globals->default_config != NULL)
        code = settings_read(&globals->settings, globals->default_config, false, &found, err);
    if (found)
        globals->settings_path =
            globals->config != NULL ? globals->config : globals->default_config;
    if (code < 0)
        return code;
    const struct settings *settings = &globals->settings;
    globals->ascii |= settings->ui_ascii;
    globals->no_mouse |= !settings->ui_mouse;
    /* What was settled in a file goes before the environment. */
    if (settings->ui_color != SETTINGS_COLOR_AUTO)
        globals->no_color = settings->ui_color == SETTINGS_COLOR_NEVER;
    globals->no_color |= globals->no_color_asked;
    return 0;
}

/* -------------------------------------------------------------- listing */

static void print_values(const struct settings *settings, const struct setting *setting)
{
    const char *mark = settings_is_given(settings, setting) ? "" : ";";
    for (size_t i = 0; i < setting_values(settings, setting); i++) {
        struct buf value = {0}, clean = {0};
        setting_append_value(settings, setting, i, &value);
        text_clean(&clean, value.data, value.len);
        printf("%s%s = %s\n", mark, setting->name, clean.data);
        buf_done(&value);
        buf_done(&clean);
    }
    if (setting_values(settings, setting) == 0)
        printf(";%s = %s\n", setting->name, setting->example);
}

static void print_text(const struct globals *globals)
{
    const char *section = "";
    struct buf path = {0};
    const char *from = globals->settings_path;
    text_clean(&path, from != NULL ? from : "", from != NULL ? strlen(from) : 0);
    if (from != NULL)
        printf("# Settings of bilge, from %s\n", path.data);
    else
        puts("# Settings of bilge. There is no settings file: all are the defaults.");
    puts("# What stands behind a ';' is a default, or an example.");
    for (size_t i = 0; i < settings_table_len; i++) {
        const struct setting *setting = &settings_table[i];
        struct buf form = {0};
        if (strcmp(section, setting->section) != 0)
            printf("\n[%s]", setting->section);
        section = setting->section;
        setting_append_form(setting, &form);
        printf("\n# %s (%s%s)\n", setting->help, form.data,
               setting_is_list(setting) ? "; repeatable" : "");
        print_values(&globals->settings, setting);
        buf_done(&form);
    }
    buf_done(&path);
}

static void setting_json(struct json *json, const struct settings *settings,
                         const struct setting *setting)
{
    char *name = setting_name(setting);
    json_put_object(json, NULL);
    json_put_text(json, "name", name);
    json_put_bool(json, "given", settings_is_given(settings, setting));
    json_put_array(json, "values");
    for (size_t i = 0; i < setting_values(settings, setting); i++) {
        struct buf value = {0};
        setting_append_value(settings, setting, i, &value);
        json_put_text(json, NULL, value.data);
        buf_done(&value);
    }
    json_put_array_end(json);
    json_put_text(json, "default", setting->fallback);
    json_put_object_end(json);
    free(name);
}

static void print_json(const struct globals *globals)
{
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    json_put_text(&json, "file", globals->settings_path);
    json_put_array(&json, "settings");
    for (size_t i = 0; i < settings_table_len; i++)
        setting_json(&json, &globals->settings, &settings_table[i]);
    json_put_array_end(&json);
    json_put_object_end(&json);
    putchar('\n');
}

static enum exit_code run(const struct globals *globals, const void *values,
                          const struct option_list *operands)
{
    (void)values;
    (void)operands;
    if (globals->json)
        print_json(globals);
    else
        print_text(globals);
    return EXIT_DONE;
}

static const struct option_spec no_options[] = {{0}};

const struct command command_settings = {
    .name = "settings",
    .summary = "Show what can be settled in a file, and what is.",
    .details = "The output is a settings file itself.\n",
    .options = no_options,
    .run = run,
};
