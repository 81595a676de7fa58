// The board: numbers in memory that differ from launch to launch of a graph.

struct Line {
    u32 words[512];
};

// Write a line of the board.
KERNEL put(Line line, i64 n, u32 *out) { EACH(i, n) out[i] = line.words[i]; }

// Children of keys, one after the other, since a child may have children, by one thread.
// The table has for each the places on the board of the key's words, of the child's
// number and of its own words, and the domain.
KERNEL derive(const u32 *table, i64 n, u32 *board) {
    if (blockIdx.x || threadIdx.x) return;
    for (i64 i = 0; i < n; ++i, table += 5) {
        const Words child = threefry<20>(board[table[0]], board[table[1]],
                                         board[table[2]], table[4]);
        board[table[3]] = child.first;
        board[table[3] + 1] = child.second;
    }
}
