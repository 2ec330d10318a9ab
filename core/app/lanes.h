/* The threads that work in cache roots, and how long anybody waits for them. A root
 * may lie on a disk, or a server, that does not answer: nothing but its own lane is
 * held up then, and after a while nobody waits for that. */
#ifndef BILGE_APP_LANES_H
#define BILGE_APP_LANES_H

#include <stdbool.h>

struct hub;
struct lanes;

/* Runs twice a second while a lane has something to do: it is looked whether it gets
 * any further. True: go on, though none has. */
typedef bool lanes_look_cb(void *arg);

/* `watching`: on the screen others are there to look at, while a command has nothing
 * else to do, and is more patient. */
struct lanes *lanes_new(struct hub *hub, bool watching, lanes_look_cb *on_look, void *arg);
/* Nothing runs any more, but for what hangs, which is left behind. */
void lanes_close(struct lanes *lanes);
void lanes_free(struct lanes *lanes);

/* For work that goes through several sites. */
struct lane *lanes_common(const struct lanes *lanes);
/* One more; borrowed. */
struct lane *lanes_add(struct lanes *lanes);

/* Has all work in this lane hung for so long that nobody waits for it any more? */
bool lanes_hang(const struct lanes *lanes, struct lane *lane);
/* The same for one that has, before: it must get further, however patient we are now. */
bool lanes_still_hang(const struct lanes *lanes, struct lane *lane);
/* Something is changed in caches from here on, or no longer: it is not left half done
 * because one file takes long to go. */
void lanes_begin_change(struct lanes *lanes);
void lanes_end_change(struct lanes *lanes);
/* While closing: nothing runs any more, but for what hangs and has had a moment. Else
 * hub_rest() comes when it may. */
bool lanes_at_rest(struct lanes *lanes);

#endif
