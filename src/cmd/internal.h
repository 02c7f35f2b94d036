/* The interactive state, struct app, and what the groups of commands share of it.
 *
 * A key becomes a command (input.c, table.c); a command is a function of this state:
 * moving about (move.c), messages (message.c), reading (pager.c), parts (parts.c),
 * mailboxes (folder.c), the rest (general.c). It changes the model, or asks the user
 * (ask.c), and returns: an answer comes in a later turn, to `then`. What is on the
 * screen is a stack (screen.c) of views, which draw what rows.c tells them of the model.
 * Once per turn app.c takes the news of the model, and frame.c draws. What users call
 * mailboxes is understood in place.c; start.c opens the first one. */
#ifndef TERN_CMD_INTERNAL_H
#define TERN_CMD_INTERNAL_H

#include <regex.h>
#include "tern/cmd.h"
#include "tern/base/mem.h"
#include "tern/base/vec.h"
#include "tern/pattern.h"
#include "tern/view.h"

#define IN(map) (1u << CMD_MAP_##map)

enum screen_kind {
	SCREEN_INDEX,
	SCREEN_PAGER,
	SCREEN_FOLDERS,
	SCREEN_PARTS,
	SCREEN_HELP,
	SCREEN_LOG,
	SCREEN_ACTIVITY,
	SCREEN_TEXT,
};

struct screen {
	enum screen_kind kind;
	enum cmd_map map;
	struct view *view;
	struct model_doc *doc; /* PAGER, and below PARTS */
	unsigned doc_version;  /* that the view was opened with */
	bool is_marked_read;
	bool is_for_parts; /* PAGER: below the parts that were asked for in the index; goes with them */
	bool shows_all_headers;
	uint64_t local;	 /* PAGER: whose part; 0: the one under the cursor */
	char *section;	 /* PAGER: of this part alone */
	bool wants_whole; /* it is not in what is fetched for reading */
	bool is_read_only; /* FOLDERS: of <change-folder-readonly> */
	struct app *app;
	/* HELP, ACTIVITY, TEXT: lines, made once or again when what they tell of changes */
	struct arena text;
	VEC(struct view_text_line) lines;
	void (*fill)(struct screen *s); /* NULL: once */
};

/* A mailbox by where it is. */
struct place {
	char *account;	   /* as in ACCOUNT frames */
	char *account_url; /* imaps://user@host/ */
	char *url;	   /* with the mailbox */
	struct buf wire;
};
#define PLACE_INIT { NULL, NULL, NULL, BUF_INIT }

struct app_account {
	char *name, *url, *label;
	bool has_answered; /* with the password of the rc, since it was last in step */
};

/* A folder as the lists show it. */
struct folder_line {
	struct model_folder folder; /* borrowed from the model until it changes */
	char *path;		    /* as one types it */
	const char *last;	    /* last part of the name */
	uint8_t depth;
	bool has_children;
};

/* What a part that is being saved is called. */
struct saving {
	struct app *app;
	uint64_t request;
	uint64_t local;
	char *section, *path;
	uint64_t done, total;
};

struct app {
	struct cmd_host host;
	struct model *model;
	struct config_reader *reader;
	struct config *conf; /* of the folder that is open */
	struct view_look look;
	int colors;
	bool read_only;
	VEC(regex_t) alternates; /* of conf */
	char *history_file;
	struct ui_keymap *keymap;
	struct ui_keys *keys;
	struct ui_prompt *prompt;
	int64_t now_ms;
	int64_t typed_ms, told_typed_ms;
	int cols;	  /* of the screen, as drawn last */
	struct buf shown; /* by the command line that is being run, a line each */
	bool runs_command;
	struct buf secret_trouble; /* why the password command gave none */
	bool needs_draw;

	VEC(struct screen *) screens;
	struct view *sidebar;
	bool sidebar_follows; /* its cursor goes to the mailbox that is open */
	VEC(struct folder_line) folders; /* of the folder list */
	VEC(uint32_t) sidebar_folders;	 /* places among them */
	bool folders_known;
	VEC(struct app_account) accounts;

	struct buf message;
	enum view_message_kind message_kind;
	int64_t message_until_ms; /* TICK_NEVER: until a key */
	struct buf trouble;    /* of the manager */
	struct buf config_errors, first_config_error;
	unsigned n_config_errors; /* not told yet */
	struct buf activity;
	bool counts_down; /* seconds are shown in it */
	int64_t next_second_ms;
	struct buf title; /* of the terminal, as told last */

	/* the mailbox that is open */
	struct place place;
	char *last_place; /* URL of the one before */
	char *start_mailbox;	   /* that of -f, or NULL */
	bool is_starting;	   /* the configuration may still say where to begin */
	struct buf why_no_mailbox; /* lines, while none is open */
	char *saved_to;	  /* URL of the last target of <save-message> */
	char *wanted_error; /* why it is not in step */
	uint64_t probe;	    /* the request that asks whether a mailbox exists; 0 */
	uint32_t probed;    /* what it opened */
	bool wants_cursor;  /* it has not been placed yet */
	uint32_t placed_n;	 /* among so many rows it was placed */
	int64_t place_until_ms;	 /* and is placed anew when more come */

	/* commands */
	const struct cmd *deferred; /* waits for a search */
	bool tag_prefix;
	bool is_described; /* <what-key> */
	struct buf search_text, pager_search_text, limit_text;
	struct pattern *search_pattern; /* of the pass under way */
	struct pattern *collect_pattern;
	int collect_what;
	uint32_t n_matched; /* of the pass, changed or not */
	bool search_backwards, pager_search_backwards;
	struct pattern_context pattern_context;

	/* a question to the user under way: what to do with the answer */
	void (*then)(struct app *app, struct str answer);
	uint64_t *targets; /* what it is about */
	size_t n_targets;
	bool targets_tagged;
	int then_arg;
	char *then_text;
	uint64_t question; /* of the manager, 0 none */
	VEC(char *) candidates;
	VEC(char *) notes;

	VEC(struct saving *) savings;
	bool is_done;
	int status;
};

/* ---- app.c ---- */
void app_mark(struct app *app);
void app_use_folder_config(struct app *app);
void app_order(struct app *app);
void app_sort_word(const struct app *app, enum config_option option, struct buf *out);
void app_run_command(struct app *app, struct str text);
void app_set_cols(struct app *app, int cols);
void app_command(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* ---- table.c ---- */
struct cmd_table {
	const char *group;
	const struct cmd *rows; /* ends with a NULL name */
};
extern const struct cmd cmd_move_rows[], cmd_message_rows[], cmd_folder_rows[], cmd_pager_rows[],
	cmd_parts_rows[], cmd_server_rows[], cmd_general_rows[];
void app_bind_keys(struct app *app);
/* The keys of a function in words; false if it has none. */
bool app_keys_of(struct app *app, enum cmd_map map, const char *function, struct buf *out);
/* ---- input.c ---- */
void app_work_keys(struct app *app);
/* ---- screen.c ---- */
struct screen *screen_top(const struct app *app);
struct screen *screen_of(const struct app *app, enum screen_kind kind);
struct screen *screen_push(struct app *app, enum screen_kind kind, enum cmd_map map);
void screen_pop(struct app *app);
void screen_pop_to_index(struct app *app);
void screen_add_line(struct screen *s, uint64_t id, bool is_title, enum view_color color,
		     const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void screen_show_lines(struct screen *s, const char *title, const char *map, bool follows_end);
struct view *app_index(struct app *app);
struct screen *app_pager(struct app *app);
/* ---- start.c ---- */
/* More of the configuration may be known: it may tell the first mailbox only now. */
void start_follow(struct app *app);
/* ---- rows.c ---- */
struct view_rows app_view_rows(struct app *app);
struct view_folders app_view_folders(struct app *app, bool sidebar);
void app_make_folders(struct app *app);
void app_dirty_folders(struct app *app); /* they are made anew when next looked at */
bool app_is_me(struct app *app, struct str address);
void app_fill_mailbox(struct app *app, struct view_mailbox *out);
bool app_view_row(struct app *app, const struct model_row *mr, struct view_row *out);
/* ---- place.c ---- */
void place_release(struct place *p);
int place_resolve(struct app *app, struct str typed, struct place *out, struct err *err);
int place_of_url(struct app *app, struct str url, struct place *out, struct err *err);
void place_url(struct app *app, const struct model_folder *f, struct buf *out);
/* The folder's name as one types it: "=Archive". */
void place_show(struct app *app, struct str url, struct buf *out);
int app_account_of(struct app *app, struct str url, struct err *err);
struct app_account *app_account_named(struct app *app, struct str name);
void app_open(struct app *app, const struct place *p, bool read_only);
void app_all_accounts(struct app *app);
/* ---- ask.c ---- */
/* A line; `then` gets it unless the prompt is dismissed. history may be NULL. */
void ask_line(struct app *app, const char *history, const char *initial,
	      void (*then)(struct app *app, struct str answer), const char *label, ...)
	__attribute__((format(printf, 5, 6)));
/* The same for a mailbox, with completion; "?" opens the folder list. */
void ask_mailbox(struct app *app, void (*then)(struct app *app, struct str answer),
		 const char *label, ...) __attribute__((format(printf, 3, 4)));
void ask_pattern(struct app *app, void (*then)(struct app *app, struct str answer),
		 const char *label);
void ask_command(struct app *app);
/* One letter of choices; the first is what Enter means. */
void ask_choice(struct app *app, const char *choices,
		void (*then)(struct app *app, struct str answer), const char *label, ...)
	__attribute__((format(printf, 4, 5)));
/* yes or no under a quad option: `then` gets "y" or "n", maybe at once. */
void ask_quad(struct app *app, enum config_quad quad,
	      void (*then)(struct app *app, struct str answer), const char *label, ...)
	__attribute__((format(printf, 4, 5)));
void ask_about(struct app *app, uint64_t *locals, size_t n, bool tagged); /* takes them */
void ask_manager_question(struct app *app);
bool answer_is_yes(struct str answer);
/* ---- message.c ---- */
uint64_t app_focus(struct app *app);
const char *app_why_no_message(const struct app *app);
bool app_needs_message(struct app *app);
bool app_has_folder_list(struct app *app, const char *account);
/* Ask about held deletes, then go on. */
void app_leave_mailbox(struct app *app, void (*then)(struct app *app));
/* ---- move.c ---- */
/* After a change to one message: under $resolve to the next one. */
void app_next_undeleted(struct app *app);
struct pattern *app_pattern(struct app *app, struct str text);
/* ---- pager.c ---- */
void app_display(struct app *app, uint64_t local);
void app_display_part(struct app *app, uint64_t local, struct str section, bool whole);
void app_display_again(struct app *app);
void pager_news(struct app *app);
/* ---- folder.c ---- */
void folder_open_list(struct app *app, bool read_only);
/* ---- parts.c ---- */
void parts_stop(struct app *app);
void parts_progress(const struct app *app, struct buf *out);
void saving_free(struct saving *s);

#endif
