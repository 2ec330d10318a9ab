#include "cli/program.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

#include "cli/helper.h"
#include "cli/json.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/history/history.h"

#define GLOBAL(member) offsetof(struct globals, member)
static const struct option_spec global_options[] = {
    {"cache-root", 0, OPTION_LIST, GLOBAL(cache_roots), "DIR",
     "directory that holds the cache directories (repeatable)"},
    {"file", 'f', OPTION_TEXT, GLOBAL(compose_file), "COMPOSE", "compose file of the project"},
    {"context", 0, OPTION_TEXT, GLOBAL(context), "NAME", "docker context to talk to"},
    {"builder", 0, OPTION_TEXT, GLOBAL(builder), "NAME", "builder whose records are meant"},
    {"timeout", 0, OPTION_AGE, GLOBAL(timeout), "AGE",
     "wait so long for an engine or a builder, then go on without it"},
    {"config", 0, OPTION_TEXT, GLOBAL(config), "FILE",
     "settings file (default: ~/.config/bilge/bilge.conf)"},
    {"json", 0, OPTION_FLAG, GLOBAL(json), NULL, "print one JSON object on stdout"},
    {"no-color", 0, OPTION_FLAG, GLOBAL(no_color_asked), NULL, "no colours (also: NO_COLOR)"},
    {"read-only", 0, OPTION_FLAG, GLOBAL(read_only), NULL, "refuse whatever changes something"},
    {"ascii", 0, OPTION_FLAG, GLOBAL(ascii), NULL, "the screen in plain ASCII"},
    {"no-mouse", 0, OPTION_FLAG, GLOBAL(no_mouse), NULL, "the screen leaves the mouse alone"},
    {"help", 'h', OPTION_FLAG, GLOBAL(help), NULL, "show this help"},
    {"version", 'V', OPTION_FLAG, GLOBAL(version), NULL, "show the version"},
    {0},
};

/* How we were called: "bilge", or "docker bilge" as a plugin of its CLI. */
struct call {
    const struct program *program;
    const char *name;
    bool plugin;
    char **argv;
};

static void print_command_help(const struct call *call, const struct command *command)
{
    printf("Usage: %s %s [OPTION...]%s%s\n\n%s\n", call->name, command->name,
           command->operands != NULL ? " " : "", command->operands != NULL ? command->operands : "",
           command->summary);
    if (command->details != NULL)
        printf("\n%s", command->details);
    if (command->options[0].name != NULL) {
        puts("\nOptions:");
        options_print(command->options, stdout);
    }
    puts("\nOptions of every command:");
    options_print(global_options, stdout);
}

static void print_help(const struct call *call)
{
    printf("Usage: %s [OPTION...] [COMMAND]\n\n"
           "Watches what Docker builds leave below deck, and pumps it out before the disk fills.\n"
           "Without a command it opens the screen; without a terminal it prints the status.\n\n"
           "Commands:\n",
           call->name);
    for (const struct command *const *command = call->program->commands; *command != NULL;
         command++)
        printf("  %-8s  %s\n", (*command)->name, (*command)->summary);
    puts("\nOptions:");
    options_print(global_options, stdout);
    printf("\n\"%s COMMAND --help\" tells more of one command.\n", call->name);
}

static enum exit_code usage_error(const struct call *call, const struct command *command,
                                  const struct err *err)
{
    complain("%s (see %s%s%s --help)", err->text, call->name, command != NULL ? " " : "",
             command != NULL ? command->name : "");
    return EXIT_BAD_USAGE;
}

static const struct command *command_find(const struct call *call, const char *name)
{
    for (const struct command *const *command = call->program->commands; *command != NULL;
         command++)
        if (strcmp((*command)->name, name) == 0)
            return *command;
    return NULL;
}

static enum exit_code run_command(const struct call *call, const struct command *command,
                                  struct globals *globals, int argc, char **argv)
{
    void *values = mem_zalloc(command->values_size > 0 ? command->values_size : 1);
    const struct option_set sets[] = {{command->options, values}, {global_options, globals}};
    struct option_list operands = {0};
    struct err err;
    int used = 0;
    enum exit_code code;
    if (options_read(sets, 2, argc, argv, &operands, &used, &err) < 0) {
        code = usage_error(call, command, &err);
    } else if (globals->help) {
        print_command_help(call, command);
        code = EXIT_DONE;
    } else if (operands.len > 0 && command->operands == NULL) {
        err_set(&err, ERR_USAGE, "%s takes no operand: \"%s\"", command->name, operands.items[0]);
        code = usage_error(call, command, &err);
    } else if (globals_read_settings(globals, &err) < 0) {
        code = complain_err(&err);
    } else {
        code = command->run(globals, values, &operands);
    }
    options_done(&sets[0]);
    option_list_done(&operands);
    free(values);
    return code;
}

static enum exit_code dispatch(const struct call *call, struct globals *globals, int argc,
                               char **argv)
{
    const struct option_set set = {global_options, globals};
    struct err err;
    int used = 0;
    if (options_read(&set, 1, argc, argv, NULL, &used, &err) < 0)
        return usage_error(call, NULL, &err);
    /* docker hands its plugins their own name as the first word. */
    if (call->plugin && used < argc && strcmp(argv[used], "bilge") == 0) {
        used++;
        if (options_read(&set, 1, argc - used, argv + used, NULL, &used, &err) < 0)
            return usage_error(call, NULL, &err);
    }
    if (globals->version) {
        puts(PACKAGE_STRING);
        return EXIT_DONE;
    }
    if (used < argc) {
        const struct command *command = command_find(call, argv[used]);
        if (command != NULL && command->run == NULL)
            return helper_run(command->name, call->argv);
        if (command != NULL)
            return run_command(call, command, globals, argc - used - 1, argv + used + 1);
        err_set(&err, ERR_USAGE, "there is no command \"%s\"", argv[used]);
        return usage_error(call, NULL, &err);
    }
    if (globals->help) {
        print_help(call);
        return EXIT_DONE;
    }
    if (call->program->screen != NULL && isatty(STDOUT_FILENO) && !globals->json)
        return call->program->screen(globals);
    return run_command(call, call->program->commands[0], globals, 0, NULL);
}

/* The docker CLI calls each plugin for this object (docker/cli: cli-plugins/metadata). */
static void print_plugin_metadata(void)
{
    struct json json = {.out = stdout};
    json_put_object(&json, NULL);
    json_put_text(&json, "SchemaVersion", "0.1.0");
    json_put_text(&json, "Vendor", "bilge");
    json_put_text(&json, "Version", PACKAGE_VERSION);
    json_put_text(&json, "ShortDescription", "Watch and prune what builds leave behind");
    json_put_object_end(&json);
    putchar('\n');
}

/* Were one of these closed, the next file that is opened would get its number,
 * and output would end up in it. The stand-ins refuse what is written to them. */
static void keep_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

/* A full disk or a closed pipe may be found only when the last byte is written. */
static enum exit_code close_output(enum exit_code code)
{
    bool before = ferror(stdout) != 0;
    if (fclose(stdout) != 0)
        complain("writing to the standard output: %s", strerror(errno));
    else if (before)
        complain("writing to the standard output: not all of it was taken");
    else
        return code;
    return EXIT_FAILED;
}

static struct call call_read(const struct program *program, char **argv)
{
    static const char plugin[] = "docker-bilge";
    size_t len = argv[0] != NULL ? strlen(argv[0]) : 0, tail = sizeof plugin - 1;
    bool is_plugin = len >= tail && strcmp(argv[0] + len - tail, plugin) == 0;
    return (struct call){program, is_plugin ? "docker bilge" : "bilge", is_plugin, argv};
}

int program_main(const struct program *program, int argc, char **argv)
{
    keep_standard_files();
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN); /* then a write says so, and what was begun is put in order */
    signal(SIGXFSZ, SIG_IGN); /* the same, over the limit of a file's size */
    if (getenv("BILGE_LOG") != NULL)
        log_open(getenv("BILGE_LOG"));
    const char *no_color = getenv("NO_COLOR");
    struct globals globals = {
        .no_color = no_color != NULL && *no_color != '\0',
        .history_path = history_default_path(),
        .default_config = settings_default_path(),
    };
    struct call call = call_read(program, argv);
    enum exit_code code = EXIT_DONE;
    if (argc == 2 && strcmp(argv[1], "docker-cli-plugin-metadata") == 0)
        print_plugin_metadata();
    else
        code = dispatch(&call, &globals, argc > 0 ? argc - 1 : 0, argv + 1);
    const struct option_set set = {global_options, &globals};
    options_done(&set);
    settings_done(&globals.settings);
    free(globals.default_config);
    free(globals.history_path);
    log_close();
    return close_output(code);
}
