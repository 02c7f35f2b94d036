/* The command line, as mutt's where it exists. */
#include "internal.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tern/have.h"

static const char usage[] =
	"usage: tern [-nRyZz] [-d LEVEL] [-e COMMAND] [-F FILE] [-f MAILBOX]\n"
	"       tern [-n] [-e COMMAND] [-F FILE] -Q VARIABLE...\n"
	"       tern [-n] [-e COMMAND] [-F FILE] -D\n"
	"       tern -v | -h\n"
	"\n"
	"  -D            print all variables\n"
	"  -d LEVEL      write a debug log, 1 to 5; from 3 on with what servers say\n"
	"  -e COMMAND    run a command of the configuration after the file\n"
	"  -F FILE       read this configuration instead of ~/.config/tern/ternrc\n"
	"  -f MAILBOX    open this mailbox: imaps://you@host/NAME, or =NAME below $folder\n"
	"  -h            this text\n"
	"  -n            read no system-wide file (there is none)\n"
	"  -Q VARIABLE   print a variable\n"
	"  -R            open mailboxes read-only\n"
	"  -v            print the version\n"
	"  -y            begin with the list of mailboxes\n"
	"  -Z            open the first mailbox with new mail, or exit with 1\n"
	"  -z            exit with 1 if the mailbox is empty\n";

/* What mutt has for writing mail. */
#define SENDING "aAbcEHipsx"

static int
refuse_sending(int option)
{
	if (option != 0)
		fprintf(stderr, "tern: -%c is not in tern yet: writing mail\n", option);
	else
		fprintf(stderr, "tern: not in tern yet: writing mail\n");
	return 1;
}

static int
read_level(struct options *o, const char *text)
{
	uint32_t level;

	if (!str_u32(str_c(text), &level) || level < 1 || level > 5) {
		fprintf(stderr, "tern: -d takes a level from 1 to 5, not '%s'\n", text);
		return 1;
	}
	o->debug_level = (int)level;
	return -1;
}

int
options_read(struct options *o, int argc, char **argv)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, ":Dd:e:F:f:hm:nQ:RvyZz" SENDING)) != -1) {
		switch (option) {
		case 'D':
			o->all_variables = true;
			break;
		case 'd':
			if (read_level(o, optarg) >= 0)
				return 1;
			break;
		case 'e':
			vec_push(&o->commands, optarg);
			break;
		case 'F':
			o->rc = optarg;
			break;
		case 'f':
			o->mailbox = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'm':
		case 'n':
			break;
		case 'Q':
			vec_push(&o->queries, optarg);
			break;
		case 'R':
			o->read_only = true;
			break;
		case 'v':
			printf("tern %s\n", TERN_VERSION);
			return 0;
		case 'y':
			o->folders = true;
			break;
		case 'Z':
			o->only_if_new = true;
			break;
		case 'z':
			o->only_if_any = true;
			break;
		case ':':
			fprintf(stderr, "tern: -%c needs an argument\n", optopt);
			return 1;
		case '?':
			fprintf(stderr, "tern: there is no option -%c\n%s", optopt, usage);
			return 1;
		default:
			return refuse_sending(option);
		}
	}
	/* -Q takes several, as in mutt */
	for (; optind < argc && o->queries.n > 0; optind++)
		vec_push(&o->queries, argv[optind]);
	if (optind < argc)
		return refuse_sending(0);
	return -1;
}

void
options_release(struct options *o)
{
	vec_release(&o->commands);
	vec_release(&o->queries);
}
