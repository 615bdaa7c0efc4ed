// Entry point; see core/cli for the modes.
int main() { return 0; }
