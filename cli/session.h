/* A headless command's hold on the core: the loop, the signals that end it,
 * and waiting for something to come true. Commands are written as one straight
 * line of steps; all that happens in between happens in session_wait(). */
#ifndef BILGE_CLI_SESSION_H
#define BILGE_CLI_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "cli/command.h"
#include "cli/json.h"
#include "core/base/err.h"
#include "core/bilge.h"

struct session {
    uv_loop_t loop;
    uv_signal_t signals[3]; /* SIGINT, SIGTERM, SIGHUP */
    uv_timer_t timer;
    struct bilge *bilge;
    const struct store *store;
    bool interrupted;  /* by such a signal, and no wait has said so yet */
    int signal_number; /* of the last one; 0: none has come */
    bool timed_out;
    bool history_told;          /* that it can't be used */
    int64_t timeout_s;          /* how long engines and builders are waited for; 0: not given */
    const char *wanted_builder; /* whose records are what was asked for; NULL: the selected one */
    bool wants_records;         /* records are: they are waited for as long as they take */
    bool closed;
    bool finishes; /* the command finishes what earlier runs left: it need not be told first */
    size_t finished_told; /* so many of store.finished were said */
};

/* On an error nothing stays open. */
int session_open(struct session *session, const struct bilge_options *options, struct err *err);
/* Stops what runs, puts back what was set aside, and waits for that. */
void session_close(struct session *session);

/* Runs the loop until `until` holds, a signal has come, or deadline_ms (0:
 * none) have passed. `until` is asked before and after each loop pass. No
 * signal is lost: one that comes when nobody waits ends the next wait. */
enum session_end { SESSION_REACHED, SESSION_TIMEOUT, SESSION_INTERRUPTED };
typedef bool session_until(void *arg);
enum session_end session_wait(struct session *session, session_until *until, void *arg,
                              uint64_t deadline_ms);

/* Lets happen what is ready to, without waiting: for who works long without a wait. True:
 * a signal has come, and no wait says so any more. */
bool session_interrupted(struct session *session);

/* Finishes what earlier runs of bilge left, if that is known of anything; waits for
 * it, and says what was finished and what could not be. False: something is left. */
bool session_finish(struct session *session);
/* The same after a request that has done so itself: says what came of it. */
bool session_tell_finished(struct session *session);
/* An array of these. */
void session_unfinished_json(struct json *json, const char *key,
                             const struct unfinished_list *list);

/* Before session_settle(): how long the command waits for engines and builders. */
void session_patience(struct session *session, const struct globals *globals, bool wants_records);

/* Waits until the store has settled. Scans of local directories get all the
 * time they need; an engine or a compose that hangs gets a few seconds (see
 * session_patience()), then it is said on stderr and the rest goes on. So are a history that can't
 * be used and cache roots that could not be read, once. Then says what earlier runs left, unless
 * this command finishes that. 0 or ERR_CANCELLED. */
int session_settle(struct session *session, struct err *err);

/* The exit status of a command that has done what it can without the cache roots that
 * could not be read. */
enum exit_code session_end_code(const struct session *session, enum exit_code code);

/* Why it can't be asked, in one line; NULL: all is well. */
const char *session_builder_error(const struct builder *builder);
/* The builder of that name, or (NULL) the one that builds go to. ERR_USAGE with
 * the names that there are; another code when not all of them are known. */
int session_builder(const struct session *session, const char *name,
                    const struct builder **ret_builder, struct err *err);

/* The row that a person means by `name`: its id (the path), or a name that only
 * one directory has. ERR_USAGE. */
int session_service(const struct session *session, const char *name,
                    const struct service **ret_service, struct err *err);

#endif
