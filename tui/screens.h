/* The main screen: header, the panes of services, records and build, footer. */
#ifndef BILGE_TUI_SCREENS_H
#define BILGE_TUI_SCREENS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/builds/build.h"
#include "core/cache/cache.h"
#include "core/prune/query.h"
#include "tui/app.h"
#include "tui/kit/screen.h"
#include "tui/targets.h"

struct screen *main_screen_new(struct app *app);

/* The plan: every item that a prune would delete, with bytes and reasons, and
 * what is kept and why. `y` carries it out; anything else is no. */
/* Asks core for the plan and opens the screen on it. The query may point into
 * *targets, whose content this takes. */
void plan_screen_open(struct app *app, const struct query *query, struct targets *targets);

/* The whole caches that are meant, with the records that are theirs alone, or
 * (`records`) the records that are meant; takes the content of *targets. */
void plan_screen_for_targets(struct app *app, struct targets *targets, bool records);

/* The menu of what to prune. Each choice leads to a plan. */
/* Takes the content of *targets. */
struct screen *prune_menu_new(struct targets *targets);

/* As if "free so much" had been chosen in it; the menu is on the screen. */
void prune_menu_ask_size(struct screen *menu);

/* A removal under way, and then what came of it. */
struct screen *removal_screen_new(void);

/* All that is known of one service, or of one record. */
struct screen *details_screen_service(const char *service_id);
/* `owner`: the service it belongs to, in words; copied. */
struct screen *details_screen_record(const char *builder_id, const char *record_id,
                                     const char *owner);

/* Care for caches on the screen: verify and repair one, restore a generation,
 * link what several hold alike. Shows the plan (of links), the progress, then
 * what came of it; stays until that is read. */
/* Each puts the screen on top; a refusal is said to the user. */
void repair_screen_verify(struct app *app, const char *service_id);
/* To be asked before; here it is done. */
void repair_screen_restore(struct app *app, const char *service_id,
                           const struct digest *generation);
/* The plan first; `y` links. */
void repair_screen_link(struct app *app);

/* The log of a build: follow, wrap, search, errors, one service or step, save. */
/* At the first error when there is one, else at the end, following. */
struct screen *log_screen_new(uint64_t build_id);
/* This step alone. */
struct screen *log_screen_for_step(uint64_t build_id, int step);

/* The builds that bilge ran: a list, the steps of one, two side by side. */
/* `service` NULL: of all. Copied. */
struct screen *history_screen_new(const char *service);

/* One remembered build with its steps, or two side by side. */
/* `other` 0: the steps of the one build. Else it is compared with that one, the
 * earlier of the two first. */
struct screen *history_page_new(int64_t id, int64_t other);

/* The disks: what is free, how it went in the last day and week, when they will
 * be full, and what grew. */
struct screen *disk_screen_new(void);

/* The doctor: what is odd here, and what to do about it. */
/* Puts it on top and asks for the report. */
void doctor_screen_open(struct app *app);

/* Where builds and records are: the builders with their nodes, and docker's
 * contexts. Enter on a builder shows its records, on a context goes there. */
/* on_builder: this builder's records are wanted (a name; borrowed). */
void builders_screen_open(struct app *app, void (*on_builder)(void *arg, const char *builder),
                          void *arg);

/* The paths that have to do with a build or one of its steps, to be copied:
 * saved log, Dockerfile, context, cache. They are shown whole, for terminals
 * that keep the clipboard from programs. */
/* Opens it; says so when there is no path. `step`: 0: of none. */
void paths_screen_open(struct app *app, const struct build *build, int step);

/* The keys that work on a screen, from the keymap. */
/* `where`: one bit of enum keys_where; `title`: static text. */
struct screen *help_screen_new(unsigned where, const char *title);

#endif
