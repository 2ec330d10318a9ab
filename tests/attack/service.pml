/* Removal of a whole cache directory, beside exporters, a second bilge, and a
 * kill of each at any step.
 *
 * Inlines bear the names of the functions in core/ that they stand for. One
 * step is one system call there, or several that nobody else can tell apart.
 *
 *   export CURRENT  manifest M_CUR -> layer L_OLD  what index.json names
 *   export NEW      manifest M_NEW -> layer L_OLD  what the exporters write
 *
 * An exporter works with paths: once the directory has another name, it finds
 * nothing there, or what has come to that name since. Its client is an old or a
 * new one: a new one makes ingest/, and all above it, at its first write.
 *
 * As the program is, this holds because bilge's two looks follow at once: who
 * starts after the first has not come as far as its first look at a blob before
 * the second. With -DUNHURRIED nothing is said about time (a bilge may be stopped
 * in between for minutes). What it takes then is here, too, as -DPROPOSED.
 *
 * -DWITHOUT_... takes a step out. Then this must fail: see model.sh. */

#ifndef PROPOSED
#define WITHOUT_SECOND_COMPARE
#define WITHOUT_LOOK_AT_NAME
#define WITHOUT_GIVING_BLOBS
#define WITHOUT_DECISION
#endif

/* ---- blobs and exports, as sets */

#define L_OLD 1
#define M_CUR 2
#define M_NEW 4
#define lowest(set) ((set) & -(set))

#define NOTHING 0 /* what index.json names; or there is none */
#define CURRENT 1
#define NEW     2
#define TORN    3 /* half written */
#define export(e) (e == CURRENT -> L_OLD | M_CUR : (e == NEW -> L_OLD | M_NEW : 0))

#ifndef FIRST_INDEX
#define FIRST_INDEX CURRENT
#endif

/* ---- the disk: directories, and the names that lead to them */

#define DIRS 3
#define NONE 3
byte blobs[DIRS];
byte index[DIRS];
bool ingest[DIRS];   /* it has an ingest/ */
byte holder[DIRS];   /* of the flock; 0: nobody */
byte dirs = 1;       /* made so far */
byte name = 0;       /* <root>/<name> */
byte gone[2] = NONE; /* <root>/.bilge-gone.<name>.… of each bilge */

/* ---- who runs */

#ifndef EXPORTERS
#define EXPORTERS 1
#endif
#ifndef BILGES
#define BILGES 2
#endif
#ifndef KILLS
#define KILLS 1
#endif

byte clients; /* among the processes */
byte gap;     /* bilges between their first look and their second */
bool quiet;   /* nobody builds anything */
bool dead[2], exporter_dead[2];
byte ended;

/* ---- BuildKit: the client's content store, and ociindex's Put() */

/* mkdir -p. No more than DIRS: then this exporter goes no further. */
inline make_directory()
{
	if
	:: name == NONE && dirs < DIRS -> name = dirs; dirs++
	:: name == NONE && dirs == DIRS -> failed = true
	:: else
	fi
}

inline make_ingest()
{
	make_directory();
	if
	:: !failed -> ingest[name] = true
	:: else
	fi
}

inline open_store()
{
	d_step {
		runs = true;
		clients++;
		began_in_gap = gap > 0;
		if
		:: old -> make_ingest()
		:: else -> make_directory()
		fi
	}
}

inline export_blob(blob)
{
	/* Writer(): one stat */
	if
	:: name != NONE && (blobs[name] & blob)
	:: else ->
		d_step {
			if
			:: !old && !ensured -> ensured = true; make_ingest()
			:: else
			fi;
			if
			:: failed || name == NONE -> failed = true
			:: else ->
				at = name; /* the file is open in this directory */
				failed = !ingest[name]
			fi
		};
		if
		:: failed
		:: else ->
			/* Commit(): mkdir -p blobs/sha256, rename, by path */
			d_step {
				make_directory();
				if
				:: failed || name != at -> failed = true
				:: else -> blobs[name] = blobs[name] | blob
				fi;
				at = NONE
			}
		fi
	fi
}

/* Whoever starts after bilge's first look has not looked at a blob before the
 * second, which follows at once. */
inline build()
{
#ifdef UNHURRIED
	skip
#else
	(!began_in_gap || gap == 0)
#endif
}

/* Nor has it come to its end: that alone, for more than one bilge at a time. */
inline put_index()
{
#ifndef WITHOUT_TIMING
	(!began_in_gap || gap == 0);
#endif
	d_step {
		at = name;
		failed = (at == NONE)
	};
	if
	:: failed
	:: else ->
		index[at] = TORN;
		d_step { index[at] = NEW; at = NONE }
	fi
}

proctype exporter(byte me)
{
	byte at = NONE;
	bool failed, ensured, old, runs, began_in_gap;
	{
		if
		:: old = true
		:: old = false
		fi;
		open_store();
		build();
		if
		:: failed
		:: else -> export_blob(L_OLD)
		fi;
		if
		:: failed
		:: else -> export_blob(M_NEW)
		fi;
		if
		:: failed
		:: else -> put_index()
		fi;
		skip
	} unless {
		exporter_dead[me]
	};
	d_step {
		if
		:: runs -> clients--
		:: else
		fi;
		at = NONE; failed = false; ensured = false; old = false; runs = false; began_in_gap = false;
		ended++
	}
}

/* ---- bilge: locks and looks */

inline unlock(dir)
{
	if
	:: dir != NONE && holder[dir] == me + 1 -> holder[dir] = 0
	:: else
	fi
}

/* A flock, never waited for, on the directory that was opened; then the path
 * must still lead to it. dir becomes NONE when somebody else has it. */
inline aside_lock(dir, path)
{
#ifndef WITHOUT_LOCK
	d_step {
		if
		:: dir == NONE || holder[dir] == me + 1
		:: dir != NONE && holder[dir] == 0 -> holder[dir] = me + 1
		:: else -> dir = NONE
		fi
	};
#endif
	if
	:: dir != NONE && path != dir -> d_step { unlock(dir); dir = NONE }
	:: else
	fi
}

inline alone(dir)
{
#ifdef WITHOUT_LOCK
	skip
#else
	assert(holder[dir] == me + 1) /* two bilges never both delete */
#endif
}

/* Whoever builds something else makes every cache busy. */
inline check_busy()
{
	if
	:: sign = clients > 0
	:: !quiet -> sign = true
	fi
}

/* index.json is as old as it was when it was shown. */
inline check_export()
{
#ifdef WITHOUT_COMPARE
	skip
#else
	sign = sign || index[opened] != shown_index
#endif
}

/* ---- bilge: a directory goes, or goes back */

inline unlink_tree(slot)
{
	do
	:: moved != NONE && gone[slot] == moved && blobs[moved] ->
		d_step {
			alone(moved);
			blobs[moved] = blobs[moved] & ~lowest(blobs[moved])
		}
	:: else -> break
	od; skip;
	d_step {
		if
		:: moved != NONE && gone[slot] == moved ->
			index[moved] = NOTHING;
			ingest[moved] = false;
			unlock(moved);
			gone[slot] = NONE
		:: else
		fi;
		moved = NONE
	}
}

/* index.json goes first: what is left without it is to be deleted. */
inline decide(slot)
{
	d_step {
		alone(moved);
		index[moved] = NOTHING
	}
}

/* Back to its name. When something stands there, the blobs go into that: who
 * made it may have found them here. */
inline give_back(slot)
{
	d_step {
		if
		:: name == NONE ->
			taker = NONE;
			if
			:: gone[slot] != NONE ->
				unlock(gone[slot]);
				name = gone[slot];
				gone[slot] = NONE
			:: else
			fi
		:: else -> taker = name
		fi
	};
	if
	:: taker == NONE
	:: else ->
		moved = gone[slot];
		aside_lock(moved, gone[slot]);
#ifndef WITHOUT_GIVING_BLOBS
		aside_lock(taker, name);
#endif
		if
		:: taker == NONE || moved == NONE
		:: else ->
#ifndef WITHOUT_GIVING_BLOBS
			/* By links: until all are there, this one is whole, too. */
			do
			:: blobs[moved] & ~blobs[taker] ->
				d_step {
					alone(taker);
					blobs[taker] = blobs[taker] | lowest(blobs[moved] & ~blobs[taker])
				}
			:: else -> break
			od; skip;
#endif
			decide(slot);
			unlink_tree(slot)
		fi;
		d_step { unlock(taker); unlock(moved); taker = NONE; moved = NONE }
	fi
}

/* What a killed bilge has left, once for each of the two. */
inline finish_removal(slot)
{
#ifdef WITHOUT_RECOVERY
	skip
#else
	opened = gone[slot];
	if
	:: opened == NONE
	:: else ->
		aside_lock(opened, gone[slot]);
		if
		:: opened == NONE
		:: opened != NONE && index[opened] == NOTHING -> moved = opened; unlink_tree(slot)
		:: else ->
#ifdef WITHOUT_DECISION
			moved = opened;
			decide(slot);
			unlink_tree(slot)
#else
			give_back(slot)
#endif
		fi;
		d_step { unlock(opened); opened = NONE }
	fi
#endif
}

inline remove_recover()
{
	finish_removal(0);
#if BILGES > 1
	finish_removal(1)
#endif
}

/* ---- bilge: removing */

inline rename_aside()
{
	d_step {
		if
		:: name == NONE -> sign = true
		:: else -> gone[me] = name; name = NONE
		fi
	}
}

/* The signs; then whether somebody has made the name anew, or what was moved is
 * not what was opened; then the export that was shown. */
inline service_look_again()
{
	sign = false;
#ifndef WITHOUT_SECOND_LOOK
#ifndef WITHOUT_SIGNS
	check_busy();
#endif
#ifndef WITHOUT_LOOK_AT_NAME
	sign = sign || name != NONE;
#endif
#ifndef WITHOUT_SECOND_COMPARE
	check_export();
#endif
#endif
	sign = sign || gone[me] != opened
}

inline leave_gap()
{
	d_step {
		if
		:: in_gap -> gap--; in_gap = false
		:: else
		fi
	}
}

inline remove_layout()
{
	/* check() */
	d_step {
#ifdef WITHOUT_FIRST_LOOK
		sign = false;
#else
		sign = clients > 0;
#endif
		if
		:: !sign -> gap++; in_gap = true
		:: else
		fi
	};
	check_export();
	if
	:: sign
	:: else ->
#ifdef WITHOUT_RENAME_FIRST
		do
		:: name == opened && blobs[opened] -> d_step { blobs[opened] = blobs[opened] & ~lowest(blobs[opened]) }
		:: else -> break
		od; skip;
		d_step {
			if
			:: name == opened -> index[opened] = NOTHING; name = NONE
			:: else
			fi
		}
#else
		rename_aside();
		if
		:: sign
		:: else ->
			service_look_again();
			leave_gap();
			if
			:: sign -> give_back(me)
			:: else ->
				assert(index[gone[me]] == shown_index); /* else an export goes that nobody was shown */
				moved = gone[me];
				decide(me);
				unlink_tree(me)
			fi
		fi
#endif
	fi;
	leave_gap()
}

inline remove_service()
{
	opened = name;
	if
	:: opened != shown -> opened = NONE
	:: else -> aside_lock(opened, opened)
	fi;
	if
	:: opened == NONE
	:: else -> remove_layout()
	fi;
	d_step { unlock(opened); opened = NONE; sign = false }
}

proctype bilge(byte me)
{
	byte shown = NONE, shown_index, opened = NONE, taker = NONE, moved = NONE;
	bool sign, in_gap;
	{
		remove_recover();
		d_step {
			shown = name;
			if
			:: name != NONE -> shown_index = index[name]
			:: else
			fi
		};
		if
		:: shown != NONE -> remove_service()
		:: else
		fi;
		skip
	} unless {
		dead[me]
	};
	/* What the kernel does for it: locks go with their process. */
	d_step {
		unlock(0);
		unlock(1);
		unlock(2);
		if
		:: in_gap -> gap--; in_gap = false
		:: else
		fi;
		shown = NONE; shown_index = NOTHING; opened = NONE; taker = NONE; moved = NONE; sign = false;
		ended++
	}
}

/* A kill, and the power switch. */
proctype fate()
{
	byte kills = KILLS;
	end: do
	:: kills > 0 && !dead[0] && ended < BILGES + EXPORTERS -> d_step { dead[0] = true; kills-- }
	:: kills > 0 && !dead[1] && ended < BILGES + EXPORTERS -> d_step { dead[1] = true; kills-- }
	:: kills > 0 && !exporter_dead[0] && ended < BILGES + EXPORTERS -> d_step { exporter_dead[0] = true; kills-- }
	od
}

init
{
	byte me = 7, opened = NONE, taker = NONE, moved = NONE;
	bool sign;
	d_step {
		blobs[0] = L_OLD | M_CUR;
		index[0] = FIRST_INDEX;
		ingest[0] = true;
		gone[0] = NONE;
		gone[1] = NONE
	};
	atomic {
		run exporter(0);
#if EXPORTERS > 1
		run exporter(1);
#endif
		run bilge(0);
#if BILGES > 1
		run bilge(1);
#endif
		run fate()
	};
	ended == BILGES + EXPORTERS;
	/* The next command that may delete. */
	quiet = true;
	remove_recover();
	assert(gone[0] == NONE && gone[1] == NONE); /* nothing is set aside for ever */
	assert(name == NONE || index[name] != TORN || exporter_dead[0]);
	/* nothing that index.json needs is gone for good */
	assert(name == NONE || (export(index[name]) & ~blobs[name]) == 0)
}
