#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

struct bilge_options globals_options(const struct globals *globals)
{
    const struct settings *settings = &globals->settings;
    bool settled = globals->cache_roots.len == 0;
    return (struct bilge_options){
        .cache_roots =
            settled ? (const char *const *)settings->cache_roots.items : globals->cache_roots.items,
        .cache_roots_len = settled ? settings->cache_roots.len : globals->cache_roots.len,
        .compose_file = globals->compose_file,
        .context = globals->context,
        .builder = globals->builder,
        .history_path = globals->history_path,
        .read_only = globals->read_only,
        .disk_amber = settings->disk_amber,
        .abandoned_after_s = settings->abandoned_after,
        .disk_red = settings->disk_red,
        .build_args = (const char *const *)settings->build_args.items,
        .build_args_len = settings->build_args.len,
        .build_profiles = (const char *const *)settings->build_profiles.items,
        .build_profiles_len = settings->build_profiles.len,
        .build_pull = settings->build_pull,
        .build_no_cache = settings->build_no_cache,
        .build_parallel = (int)settings->build_parallel,
        .log_max_bytes = (size_t)settings->log_memory,
    };
}

void complain(const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct buf clean = {0};
    text_clean(&clean, text, strlen(text));
    fprintf(stderr, "bilge: %s\n", clean.data);
    buf_done(&clean);
}

enum exit_code complain_err(const struct err *err)
{
    complain("%s", err->text);
    if (err->code == ERR_USAGE)
        return EXIT_BAD_USAGE;
    return err->code == ERR_CANCELLED ? EXIT_INTERRUPTED : EXIT_FAILED;
}
