/* The benchmark: its steps are in benching_private.h. */
#ifndef BILGE_APP_BENCHING_H
#define BILGE_APP_BENCHING_H

struct bilge;
struct benching;

/* Each pass of the loop: goes on if what was waited for has come. */
void benching_step(struct bilge *bilge);
/* While closing: what runs on the pool ends soon, and calls nobody back. */
void benching_close(struct bilge *bilge);
/* NULL is fine. */
void benching_free(struct benching *benching);

#endif
