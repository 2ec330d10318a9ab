#include "tui/log_save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/builds/log/logsave.h"

struct saving {
    struct app *app;
    uint64_t build_id;
    char *path;
};

/* The whole path is said, so that it can be pasted anywhere. */
static void on_saved(void *arg, const struct logsave_result *result, const struct err *err)
{
    struct saving *saving = arg;
    if (err != NULL) {
        app_say(saving->app, STYLE_BAD, "%s", err->text);
    } else {
        char *whole = realpath(saving->path, NULL);
        const char *path = whole != NULL ? whole : saving->path;
        app_note_saved(saving->app, saving->build_id, path);
        if (result->gone > 0)
            app_say(saving->app, STYLE_WARN, "Saved to %s, without %llu lines that had gone", path,
                    (unsigned long long)result->gone);
        else
            app_say(saving->app, STYLE_GOOD, "Saved to %s", path);
        free(whole);
    }
    free(saving->path);
    free(saving);
}

void log_save(struct app *app, const struct build *build, const struct logfilter *filter,
              const char *path)
{
    struct saving *saving = mem_zalloc(sizeof *saving);
    *saving = (struct saving){.app = app, .build_id = build->id, .path = mem_strdup(path)};
    logsave_start(app_loop(app), build->log, path, filter, on_saved, saving);
}

char *log_save_name(const struct build *build, const char *service)
{
    struct buf name = {0};
    char at[32] = "";
    time_t seconds = (time_t)(build->started_at / CLOCK_SECOND);
    struct tm local;
    if (service == NULL)
        service = build->services_len == 1 ? build->services[0] : "build";
    text_clean(&name, service, strlen(service));
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] == '/')
            name.data[i] = '_';
    if (localtime_r(&seconds, &local) != NULL)
        strftime(at, sizeof at, "-%Y%m%d-%H%M%S", &local);
    buf_printf(&name, "%s.log", at);
    return buf_take(&name);
}
