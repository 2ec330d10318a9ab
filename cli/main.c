/* bilge: its commands, and the screen. */
#include <assert.h>

#include "cli/command.h"
#include "cli/program.h"
#include "tui/tui.h"

/* A program of its own, which has its options and all else. */
static const struct command bench = {.name = "bench", .summary = COMMAND_BENCH_SUMMARY};

static const struct command *const commands[] = {
    &command_status,  &command_du,       &command_prune, &command_dedupe, &command_verify,
    &command_restore, &command_doctor,   &bench,         &command_build,  &command_history,
    &command_guard,   &command_settings, NULL,
};

static enum exit_code run_screen(struct globals *globals)
{
    struct err err;
    uv_loop_t loop;
    if (globals_read_settings(globals, &err) < 0)
        return complain_err(&err);
    int notify = globals->settings.build_notify;
    struct bilge_options bilge_options = globals_options(globals);
    const struct tui_options tui_options = {
        .read_only = globals->read_only,
        .ascii = globals->ascii,
        .no_color = globals->no_color,
        .no_mouse = globals->no_mouse,
        .bell = notify == SETTINGS_NOTIFY_BELL || notify == SETTINGS_NOTIFY_BOTH,
        .notice = notify == SETTINGS_NOTIFY_OSC9 || notify == SETTINGS_NOTIFY_BOTH,
    };
    bilge_options.watch = true;
    int code = uv_loop_init(&loop);
    if (code < 0) {
        err_sys(&err, code, "starting the event loop");
        return complain_err(&err);
    }
    code = tui_run(&loop, &bilge_options, &tui_options, &err);
    int left = uv_loop_close(&loop);
    assert(left == 0);
    (void)left;
    return code < 0 ? complain_err(&err) : EXIT_DONE;
}

int main(int argc, char **argv)
{
    static const struct program program = {commands, run_screen};
    return program_main(&program, argc, argv);
}
