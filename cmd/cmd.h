/* The subcommands. Each gets "silogate NAME" as argv[0] and returns the exit status. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

enum { CMD_YES = 0, CMD_NO = 1, CMD_MISUSE = 2 };

int cmd_run(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_ctl(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_learn(int argc, char **argv);
int cmd_move(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_suggest(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
