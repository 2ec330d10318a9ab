/* Removal of garbage, restore and repair in one cache, beside an exporter, a
 * second bilge, and a kill of each at any step.
 *
 * Inlines bear the names of the functions in core/ that they stand for. One
 * step is one system call there, or several that nobody else can tell apart.
 *
 *   export OLD      manifest M_OLD  -> layer L_OLD
 *   export CURRENT  manifest M_CUR  -> layer L_CUR          what index.json names
 *   export NEW      manifest M_NEW  -> layers L_OLD, L_NEW  M_NEW and L_NEW are not there yet
 *
 * NEW takes up a layer that was garbage (a git revert, a switch of branches).
 * The exporter may also export OLD again. Then every blob is there already: it
 * writes nothing but index.json, and no file tells of it before that.
 *
 * What bilge sees of an exporter is one of two things:
 *   - its process, from before its first look at a blob until index.json is
 *     written. Then no file's time plays a role (they may say anything).
 *   - with HIDDEN_CLIENT not even that (another container's processes), only
 *     fresh files. Then this holds by a matter of time, see wait_a_moment().
 *
 * -DWITHOUT_... takes a step out. Then this must fail: see model.sh. */

/* ---- blobs and exports, as sets */

#define L_OLD 1
#define L_CUR 2
#define L_NEW 4
#define M_OLD 8
#define M_CUR 16
#define M_NEW 32
#define ALL   63
#define lowest(set) ((set) & -(set))

#define NOTHING 0 /* what index.json names */
#define OLD     1
#define CURRENT 2
#define NEW     3
#define TORN    4 /* half written */

#define layers(e)   (e == OLD -> L_OLD : (e == CURRENT -> L_CUR : (e == NEW -> L_OLD | L_NEW : 0)))
#define manifest(e) (e == OLD -> M_OLD : (e == CURRENT -> M_CUR : (e == NEW -> M_NEW : 0)))
#define export(e)   (layers(e) | manifest(e))
/* What can be reached: nothing without the manifest. */
#define reached(e, there) ((manifest(e) & (there)) -> (export(e) & (there)) : 0)
#define is_whole(e, there) ((export(e) & ~(there)) == 0)

/* ---- the disk */

byte home = ALL & ~(L_NEW | M_NEW); /* in blobs/sha256 */
byte aside;                         /* in .bilge-aside */
byte index = CURRENT;
bit index_ino;  /* another one after each rename over index.json */
bool temporary; /* .index.json.bilge-PID */
byte holder;    /* of the flock on the cache directory; 0: nobody */
#ifdef HIDDEN_CLIENT
bool ingest;              /* something below ingest/ is fresh */
bool newer;               /* a fresh blob is newer than index.json */
bool newer_than_temporary; /* and newer than the index that waits to be renamed */
#endif

/* ---- who runs */

#ifndef EXPORTS
#define EXPORTS 1
#endif
#ifndef KILLS
#define KILLS 1
#endif

bool client;  /* the exporter is among the processes */
byte gap;     /* bilges between their last look and the rename that follows */
bool dead[2], exporter_dead;
byte ended;
byte watched[2]; /* index.json, by a restore: 1 since it was read, 2 written since */
#ifdef HIDDEN_CLIENT
bool owed[2]; /* the exporter has yet to leave a trace before this bilge's moment is over */
#endif

inline leave_trace()
{
#ifdef HIDDEN_CLIENT
	owed[0] = false;
	owed[1] = false
#else
	skip
#endif
}

/* ---- BuildKit: the client's content store, and ociindex's Put() */

/* The content store's Writer(): one stat. Present: nothing is written. */
inline stat_blob(blob)
{
	d_step {
		todo = todo & ~(blob);
		if
		:: (home & (blob)) == 0 -> lacking = lacking | (blob)
		:: else
		fi
	}
}

/* ingest/<name>/data is filled; Commit(): stat, rename, chtimes, remove. One
 * that has come meanwhile stays. */
inline write_blob(blob)
{
	d_step {
		leave_trace();
#ifdef HIDDEN_CLIENT
		ingest = true
#endif
	};
	found = (home & (blob)) != 0;
	d_step {
		if
		:: found -> found = false
		:: else ->
			home = home | (blob);
#ifdef HIDDEN_CLIENT
			newer = true;
			newer_than_temporary = true
#endif
		fi;
#ifdef HIDDEN_CLIENT
		ingest = false;
#endif
		lacking = lacking & ~(blob);
		leave_trace()
	}
}

/* Looks and writes in any order: newer ones do several at a time. */
inline export_blobs()
{
	do
	:: todo & L_OLD -> stat_blob(L_OLD)
	:: todo & L_CUR -> stat_blob(L_CUR)
	:: todo & L_NEW -> stat_blob(L_NEW)
	:: lacking & L_OLD -> write_blob(L_OLD)
	:: lacking & L_CUR -> write_blob(L_CUR)
	:: lacking & L_NEW -> write_blob(L_NEW)
	:: todo == 0 && lacking == 0 -> break
	od;
	stat_blob(manifest(exporting));
	if
	:: lacking -> write_blob(manifest(exporting))
	:: else
	fi
}

inline note_write()
{
#ifndef COMPARE_BYTES_ONLY
	watched[0] = (watched[0] -> 2 : 0);
	watched[1] = (watched[1] -> 2 : 0)
#else
	skip
#endif
}

/* Opened, read, written at 0, cut to length: in place, no rename. */
inline put_index()
{
#ifdef HIDDEN_CLIENT
	d_step {
		gap == 0;
		index = exporting;
		newer = false;
		note_write();
		leave_trace()
	}
#else
#ifndef WITHOUT_TIMING
	/* Whoever starts after bilge's last look has not built and exported before
	 * the rename that follows at once. */
	(!began_in_gap || gap == 0);
#endif
	opened_ino = index_ino;
	d_step {
		assert(opened_ino == index_ino); /* else it writes what nobody will read: a finished export is thrown away */
		index = TORN;
		note_write()
	};
	d_step {
		assert(opened_ino == index_ino);
		index = exporting
	}
#endif
}

/* cache_to's reset=true: removes what index.json does not reach. */
inline reset_store()
{
#ifdef RESET
	if
	:: true -> skip
	:: true ->
		todo = home & ~export(index);
		do
		:: todo -> d_step { home = home & ~lowest(todo); todo = todo & ~lowest(todo) } 
		:: else -> break
		od; skip
	fi
#else
	skip
#endif
}

proctype exporter()
{
	byte left = EXPORTS, exporting, todo, lacking;
	bool found, began_in_gap;
	bit opened_ino;
	{
		do
		:: left > 0 ->
			d_step {
				left--;
				client = true;
				began_in_gap = gap > 0
			};
			if
			:: exporting = OLD
			:: exporting = CURRENT
			:: exporting = NEW
			fi;
			todo = layers(exporting);
			export_blobs();
			put_index();
			reset_store();
			d_step {
				client = false;
				began_in_gap = false;
				exporting = NOTHING;
				opened_ino = 0;
				leave_trace()
			}
		:: break
		od;
		skip
	} unless {
		exporter_dead
	};
	d_step {
		client = false;
		left = 0; exporting = 0; todo = 0; lacking = 0; found = false; began_in_gap = false; opened_ino = 0;
		leave_trace();
		ended++
	}
}

/* ---- bilge: signs and readings */

/* busy_file_signs() goes through ingest/, then through blobs/;
 * busy_building_client() through the processes. Whoever builds something else
 * makes every cache busy. */
inline remove_check_busy()
{
#ifdef HIDDEN_CLIENT
	sign = ingest;
	if
	:: !sign -> sign = newer
	:: else
	fi
#else
	if
	:: sign = client
	:: sign = true
	fi
#endif
}

/* keep_look(): index.json first, then the names of the blobs, then manifests,
 * also those that were set aside. `keep`: what has to stay. */
inline keep_look_live()
{
	read = index;
	d_step {
		known = home | aside;
		keep = reached(read, known)
	}
}

inline keep_look_new()
{
	read = index;
	d_step {
		keep = reached(read, home | aside);
		if
		:: (home & M_OLD & ~known) -> keep = keep | reached(OLD, home | aside)
		:: else
		fi;
		if
		:: (home & M_CUR & ~known) -> keep = keep | reached(CURRENT, home | aside)
		:: else
		fi;
		if
		:: (home & M_NEW & ~known) -> keep = keep | reached(NEW, home | aside)
		:: else
		fi
	}
}

inline keep_look_all()
{
	read = index;
	d_step {
		keep = reached(read, home | aside);
		if
		:: home & M_OLD -> keep = keep | reached(OLD, home | aside)
		:: else
		fi;
		if
		:: home & M_CUR -> keep = keep | reached(CURRENT, home | aside)
		:: else
		fi;
		if
		:: home & M_NEW -> keep = keep | reached(NEW, home | aside)
		:: else
		fi
	}
}

/* ---- bilge: what is set aside */

/* A flock, never waited for. */
inline aside_open()
{
#ifdef WITHOUT_LOCK
	locked = true
#else
	d_step {
		locked = (holder == 0);
		if
		:: locked -> holder = me + 1
		:: else
		fi
	}
#endif
}

inline aside_close()
{
	d_step {
		if
		:: holder == me + 1 -> holder = 0
		:: else
		fi;
		locked = false
	}
}

inline alone()
{
#ifndef WITHOUT_LOCK
	assert(holder == me + 1) /* two bilges never both delete */
#else
	skip
#endif
}

#ifdef WITHOUT_SETTING_ASIDE
#define AWAY home = home & ~blob
#else
#define AWAY home = home & ~blob; aside = aside | blob; taken = taken | blob
#endif

/* Each of these three takes one blob of the set. */
inline set_aside(set)
{
	d_step {
		blob = lowest(set);
		plan = plan & ~blob;
		if
		:: home & blob -> AWAY
		:: else
		fi;
		blob = 0;
		alone()
	}
}

/* Never over one that was written anew meanwhile: that one stays. */
inline put_back(set)
{
	d_step {
		blob = lowest(set);
		if
		:: aside & blob -> aside = aside & ~blob; home = home | blob
		:: else
		fi;
		taken = taken & ~blob;
		blob = 0
	}
}

inline delete_item(set)
{
	d_step {
		blob = lowest(set);
		aside = aside & ~blob;
		taken = taken & ~blob;
		blob = 0;
		alone()
	}
}

/* An export that runs may count on what waits: then all goes back, and also
 * when index.json can't be read. Else what no manifest needs is deleted. */
inline recover_waiting()
{
#ifdef WITHOUT_RECOVERY
	skip
#else
	temporary = false; /* finish_write() */
	if
	:: aside ->
#ifdef WITHOUT_SIGNS_IN_RECOVERY
		sign = false;
#else
		remove_check_busy();
#endif
		if
		:: sign -> keep = ALL
		:: else -> keep_look_all()
		fi;
		if
		:: read == TORN -> keep = ALL
		:: else
		fi;
		do
		:: aside & keep -> put_back(aside & keep)
		:: aside & ~keep -> delete_item(aside & ~keep)
		:: !aside -> break
		od; skip
	:: else
	fi;
	d_step { keep = 0; read = 0; sign = false }
#endif
}

/* ---- bilge: garbage goes */

/* What a moment is for, where a client can't be seen: whatever an exporter has
 * looked at before, it leaves a trace (below ingest/, or index.json) before the
 * moment is over. */
inline wait_a_moment()
{
#if defined(HIDDEN_CLIENT) && !defined(WITHOUT_TIMING)
	owed[me] = client;
	!owed[me]
#else
	skip
#endif
}

/* First the signs, then the reading: an exporter that ends in between has
 * written index.json by then. */
inline look_again()
{
	d_step { keep = 0; read = NOTHING; sign = false };
#ifdef WITHOUT_SECOND_LOOK
	skip
#else
#ifdef SIGNS_AFTER_READING
	keep_look_new();
	remove_check_busy()
#else
#ifndef WITHOUT_SIGNS
	remove_check_busy();
#endif
	if
	:: sign
	:: else ->
#ifdef WITHOUT_SECOND_READING
		skip
#else
		keep_look_new()
#endif
	fi
#endif
#endif
}

inline run_round()
{
	/* set_round_aside(): all that may go, or one layer. */
	if
	:: plan = known & ~keep
	:: plan = known & ~keep & L_OLD
	fi;
	do
	:: plan -> set_aside(plan)
	:: else -> break
	od; skip;
	wait_a_moment();
	look_again();
	/* delete_round() */
	if
	:: sign || read == TORN -> keep = taken
	:: else
	fi;
	do
	:: taken & keep -> put_back(taken & keep)
	:: taken & ~keep -> delete_item(taken & ~keep)
	:: !taken -> break
	od; skip
}

inline remove_items()
{
	aside_open();
	if
	:: !locked
	:: else ->
		/* begin() */
		remove_check_busy();
		if
		:: sign
		:: else ->
			recover_waiting();
			keep_look_live();
			if
			:: read == TORN
			:: else -> run_round()
			fi
		fi;
		d_step { known = 0; keep = 0; read = 0; plan = 0; sign = false };
		aside_close()
	fi
}

/* ---- bilge: index.json is pointed at an older export */

/* restore_last_look(), index_check(): the new index lies ready. Then the signs,
 * the blobs, what index.json is, and the rename, in this order. */
inline index_point()
{
	d_step {
		temporary = true;
#ifdef HIDDEN_CLIENT
		newer_than_temporary = false
#endif
	};
#ifdef HIDDEN_CLIENT
	sign = ingest;
#endif
	d_step {
#ifdef WITHOUT_SIGNS_IN_RESTORE
		sign = false;
#else
#ifdef HIDDEN_CLIENT
		sign = sign || newer;
#else
		sign = client;
#endif
#endif
		if
		:: !sign -> gap++; in_gap = true
		:: else
		fi
	};
#ifndef WITHOUT_LOOK_AT_BLOBS
	sign = sign || !is_whole(target, home); /* look_at_blobs() */
#endif
#ifndef WITHOUT_COMPARE_IN_RESTORE
	sign = sign || index != base || watched[me] == 2; /* index_check(): bytes, and times */
#endif
	if
	:: sign -> temporary = false
	:: else ->
		d_step {
			assert(index == base); /* else a finished export is thrown away */
			assert(is_whole(target, home)); /* else index.json names what is not there */
			index = target;
			index_ino = 1 - index_ino;
			temporary = false;
#ifdef HIDDEN_CLIENT
			newer = newer_than_temporary
#endif
		}
	fi;
	d_step {
		if
		:: in_gap -> gap--; in_gap = false
		:: else
		fi
	}
}

inline restore_generation()
{
#ifdef WITHOUT_LOCK_IN_RESTORE
	locked = true;
#else
	aside_open();
#endif
	if
	:: !locked
	:: else ->
		d_step { base = index; watched[me] = 1 }; /* scan_cache() */
		if
		:: target = OLD
		:: target = CURRENT
		fi;
		if
		:: base == TORN || base == target || !is_whole(target, home)
		:: else ->
			remove_check_busy();
			if
			:: sign
			:: else ->
				if
#ifndef WITHOUT_CHECK_OF_CONTENT
				:: !is_whole(target, home) -> skip /* check_content() */
#endif
				:: else -> index_point()
				fi
			fi
		fi;
		d_step { base = 0; target = 0; read = 0; sign = false; watched[me] = 0 };
		aside_close()
	fi
}

/* Each command that may delete begins with what a killed one left. */
inline remove_recover()
{
	if
	:: aside || temporary ->
		aside_open();
		if
		:: locked -> recover_waiting(); aside_close()
		:: else
		fi
	:: else
	fi
}

/* restore, or prune, or repair: that points index.json at what is whole first,
 * then damaged blobs go. */
proctype bilge(byte me; bool restores; bool removes)
{
	byte blob, plan, taken, known, keep, read, base, target;
	bool locked, sign, in_gap;
	{
		remove_recover();
		if
		:: restores -> restore_generation()
		:: else
		fi;
		if
		:: removes -> remove_items()
		:: else
		fi;
		skip
	} unless {
		dead[me]
	};
	/* What the kernel does for it: the lock goes with its process. */
	d_step {
		if
		:: holder == me + 1 -> holder = 0
		:: else
		fi;
		if
		:: in_gap -> gap--
		:: else
		fi;
		plan = 0; taken = 0; known = 0; keep = 0; read = 0; base = 0; target = 0;
		locked = false; sign = false; in_gap = false; watched[me] = 0;
		restores = false; removes = false;
		ended++
	}
}

/* A kill, the power switch; and minutes that pass. */
proctype fate()
{
	byte kills = KILLS;
	end: do
	:: kills > 0 && !dead[0] && ended < 3 -> d_step { dead[0] = true; kills-- }
	:: kills > 0 && !dead[1] && ended < 3 -> d_step { dead[1] = true; kills-- }
	:: kills > 0 && !exporter_dead && ended < 3 -> d_step { exporter_dead = true; kills-- }
#ifdef HIDDEN_CLIENT
	:: !client && (ingest || newer) -> d_step { ingest = false; newer = false }
#endif
	od
}

#ifndef FIRST
#define FIRST true, true
#endif
#ifndef SECOND
#define SECOND true, true
#endif

init
{
	byte me = 7, blob, taken, keep, read;
	bool locked, sign;
	atomic {
		run exporter();
		run bilge(0, FIRST);
		run bilge(1, SECOND);
		run fate()
	};
	ended == 3;
	/* The next command that may delete. */
	remove_recover();
	assert(aside == 0 && !temporary); /* nothing is set aside for ever */
	assert(index != TORN || exporter_dead); /* bilge never writes half an index */
	assert(index == TORN || is_whole(index, home)) /* nothing that index.json needs is gone for good */
}
