"""The tables of the index, version by version. A released version is never edited: the next one changes it."""

from __future__ import annotations

from typing import Final

_SETTINGS = (
    "CREATE TABLE setting (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE session (
        token BLOB PRIMARY KEY,          -- SHA-256: the token itself is not kept
        media BLOB NOT NULL UNIQUE,      -- SHA-256 of the media key
        created_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL
    ) WITHOUT ROWID""",
    # revision: counts what a person could see change; newest: the newest believed stamp in the catalog.
    "CREATE TABLE state (revision INTEGER NOT NULL, newest INTEGER NOT NULL)",
    "INSERT INTO state VALUES (0, 0)",
)

_CATALOG = (
    """CREATE TABLE log (
        n INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,         -- device, incarnation
        seq INTEGER NOT NULL,            -- its last batch that is in the registers; 0: only heard of
        hash BLOB NOT NULL,
        last_valid INTEGER,              -- what comes after is void (revoked or forked); NULL: no limit
        fork BLOB                        -- the two batches that prove a fork, as a msgpack pair
    )""",
    """CREATE TABLE batch (
        log INTEGER NOT NULL REFERENCES log,
        seq INTEGER NOT NULL,
        hash BLOB NOT NULL,
        signed BLOB NOT NULL,
        UNIQUE (log, seq)
    )""",
    """CREATE TABLE register (
        tbl TEXT NOT NULL,
        id TEXT NOT NULL,
        field TEXT NOT NULL,
        log INTEGER NOT NULL REFERENCES log,
        seq INTEGER NOT NULL,
        stamp INTEGER NOT NULL,
        value BLOB NOT NULL,             -- msgpack
        PRIMARY KEY (tbl, id, field, log)
    ) WITHOUT ROWID""",
    # What a register has seen beyond the heads in `log`: empty unless batches came in an odd order.
    """CREATE TABLE ahead (
        tbl TEXT NOT NULL,
        id TEXT NOT NULL,
        field TEXT NOT NULL,
        log INTEGER NOT NULL REFERENCES log,
        seq INTEGER NOT NULL,
        PRIMARY KEY (log, tbl, id, field)
    ) WITHOUT ROWID""",
    "CREATE INDEX ahead_key ON ahead (tbl, id, field)",
    # The snapshot that the logs here continue, so that the registers can be made again without the void part of a log.
    "CREATE TABLE base (part INTEGER PRIMARY KEY, document BLOB NOT NULL)",
)

_LOCAL = (
    """CREATE TABLE folder (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL UNIQUE,
        state TEXT NOT NULL CHECK (state IN ('present', 'away')),
        added_ms INTEGER NOT NULL,
        scanned_ms INTEGER
    )""",
    """CREATE TABLE source (
        id INTEGER PRIMARY KEY,
        folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
        path BLOB NOT NULL,
        size_bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        ctime_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('present', 'changed', 'missing')),
        track TEXT,                      -- NULL: not readable as music
        identified INTEGER NOT NULL DEFAULT 0,  -- 1: `track` is the catalog's; 0: provisional
        sha256 BLOB,
        root BLOB,                       -- NULL: not sealed as it is now
        facts BLOB,                      -- msgpack [tags, stream]
        cover TEXT,
        cover_file BLOB,                 -- an image beside it; NULL: inside it
        error TEXT,
        hidden INTEGER NOT NULL DEFAULT 0,
        added_ms INTEGER NOT NULL,
        UNIQUE (folder, path)
    )""",
    "CREATE INDEX source_track ON source (track, state, folder) WHERE track IS NOT NULL",
    "CREATE INDEX source_root ON source (root) WHERE root IS NOT NULL",
    "CREATE INDEX source_cover ON source (cover) WHERE cover IS NOT NULL",
    """CREATE INDEX source_to_seal ON source (state, id, folder, size_bytes) WHERE root IS NULL AND error IS NULL
       AND state != 'missing'""",
    "CREATE INDEX source_error ON source (id) WHERE error IS NOT NULL",
    "CREATE TABLE image (cover TEXT PRIMARY KEY, mime TEXT NOT NULL, size_bytes INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE blob (
        root BLOB NOT NULL UNIQUE,
        purpose INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        sealed_bytes INTEGER NOT NULL,
        layer BLOB NOT NULL,
        stored INTEGER NOT NULL,         -- 0 none, 1 cache, 2 pinned
        used_ms INTEGER NOT NULL,
        verified_ms INTEGER,
        damaged INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE INDEX blob_stored ON blob (stored, used_ms)",
    "CREATE TABLE alias (id TEXT PRIMARY KEY, track TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX alias_track ON alias (track)",
    "CREATE TABLE asked (track TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE unrendered (track TEXT PRIMARY KEY, error TEXT NOT NULL) WITHOUT ROWID",
)

_SHOWN = (
    """CREATE TABLE track (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        hidden INTEGER NOT NULL,
        title TEXT NOT NULL,
        title_key TEXT NOT NULL,
        artist_key TEXT NOT NULL,
        album INTEGER,
        album_key TEXT NOT NULL,
        disc_no INTEGER NOT NULL,
        track_no INTEGER NOT NULL,
        year INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        added_ms INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        cover TEXT,
        compilation INTEGER NOT NULL,
        sealed INTEGER NOT NULL,
        mobile INTEGER NOT NULL,
        shown TEXT NOT NULL              -- JSON: the parts of the API's track that only its own registers decide
    )""",
    "CREATE INDEX track_by_title ON track (title_key, n) WHERE hidden = 0",
    "CREATE INDEX track_by_artist ON track (artist_key, album_key, disc_no, track_no, n) WHERE hidden = 0",
    "CREATE INDEX track_by_album ON track (album_key, album, disc_no, track_no, n) WHERE hidden = 0",
    "CREATE INDEX track_by_added ON track (added_ms, n) WHERE hidden = 0",
    "CREATE INDEX track_by_year ON track (year, album_key, disc_no, track_no, n) WHERE hidden = 0",
    "CREATE INDEX track_by_duration ON track (duration_ms, n) WHERE hidden = 0",
    "CREATE INDEX track_in_album ON track (album, disc_no, track_no, n) WHERE hidden = 0",
    "CREATE INDEX track_to_render ON track (n, id, size_bytes) WHERE hidden = 0 AND sealed = 1 AND mobile = 0",
    """CREATE TABLE named_blob (
        root BLOB NOT NULL,
        row TEXT NOT NULL,               -- the track or cover whose registers name this blob
        purpose INTEGER NOT NULL,        -- Purpose: 1 original, 2 mobile, 3 cover
        PRIMARY KEY (root, row)
    ) WITHOUT ROWID""",
    "CREATE INDEX named_blob_row ON named_blob (row)",
    """CREATE TABLE album (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL,
        artists TEXT NOT NULL,           -- JSON [{id, name}]
        artist_key TEXT NOT NULL,
        own_artists INTEGER NOT NULL,    -- 1: its files name album artists; 0: found from its tracks
        compilation INTEGER NOT NULL,
        year INTEGER NOT NULL,
        tracks INTEGER NOT NULL,
        discs INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        added_ms INTEGER NOT NULL,
        cover TEXT,
        genres TEXT                      -- names, most frequent first, with U+001F between them
    )""",
    "CREATE INDEX album_by_name ON album (name_key, n)",
    "CREATE INDEX album_by_artist ON album (artist_key, year, name_key, n)",
    "CREATE INDEX album_by_year ON album (year, name_key, n)",
    "CREATE INDEX album_by_added ON album (added_ms, n)",
    """CREATE TABLE artist (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL,
        albums INTEGER NOT NULL DEFAULT 0,
        tracks INTEGER NOT NULL DEFAULT 0,
        cover TEXT
    )""",
    "CREATE INDEX artist_by_name ON artist (name_key, n)",
    """CREATE TABLE track_artist (
        artist INTEGER NOT NULL,
        track INTEGER NOT NULL,
        PRIMARY KEY (artist, track)
    ) WITHOUT ROWID""",
    "CREATE INDEX track_artist_track ON track_artist (track)",
    """CREATE TABLE album_artist (
        artist INTEGER NOT NULL,
        album INTEGER NOT NULL,
        PRIMARY KEY (artist, album)
    ) WITHOUT ROWID""",
    "CREATE INDEX album_artist_album ON album_artist (album)",
    """CREATE TABLE genre (
        n INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL
    )""",
    """CREATE TABLE track_genre (
        genre INTEGER NOT NULL,
        track INTEGER NOT NULL,
        album INTEGER,
        PRIMARY KEY (genre, track)
    ) WITHOUT ROWID""",
    "CREATE INDEX track_genre_track ON track_genre (track)",
)

_WORDS_OPTIONS = "tokenize = \"unicode61 remove_diacritics 0 categories 'L* N* M* Co'\", prefix = '1 2 3'"
_SEARCH = (
    f"CREATE VIRTUAL TABLE track_words USING fts5 (title, artist, album, {_WORDS_OPTIONS})",
    f"CREATE VIRTUAL TABLE album_words USING fts5 (name, artist, {_WORDS_OPTIONS})",
    f"CREATE VIRTUAL TABLE artist_words USING fts5 (name, {_WORDS_OPTIONS})",
)

_PERSONAL = (
    # Rows made from the catalog's registers: what the person did with tracks, albums and artists, by identifier.
    """CREATE TABLE mark (
        id TEXT PRIMARY KEY,
        starred_ms INTEGER,
        rating INTEGER,
        plays INTEGER NOT NULL,
        played_ms INTEGER
    ) WITHOUT ROWID""",
    "CREATE INDEX mark_starred ON mark (starred_ms) WHERE starred_ms NOT NULL",
    "CREATE INDEX mark_rating ON mark (rating) WHERE rating NOT NULL",
    "CREATE INDEX mark_plays ON mark (plays) WHERE plays > 0",
    """CREATE TABLE playlist (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL,
        comment TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE playlist_item (
        playlist TEXT NOT NULL,
        item TEXT NOT NULL,
        position INTEGER NOT NULL,
        track TEXT NOT NULL,
        PRIMARY KEY (playlist, item)
    ) WITHOUT ROWID""",
    "CREATE INDEX playlist_order ON playlist_item (playlist, position, item, track)",
    "CREATE INDEX playlist_track ON playlist_item (track)",
    """CREATE TABLE bookmark (
        track TEXT PRIMARY KEY,
        position_ms INTEGER NOT NULL,
        comment TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL
    ) WITHOUT ROWID""",
    # Identifiers that an album or artist had, each with a track by which it is found again.
    "CREATE TABLE former (id TEXT PRIMARY KEY, track TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE app_password (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        sealed BLOB NOT NULL,            -- under a key of this device
        created_ms INTEGER NOT NULL,
        used_ms INTEGER
    )""",
    "ALTER TABLE track ADD COLUMN extras TEXT NOT NULL DEFAULT '{}'",
)

_SEEN = (
    # What pictures lay beside the music when its directory was last looked at.
    """CREATE TABLE beside (
        folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
        directory BLOB NOT NULL,         -- below the folder
        pictures BLOB NOT NULL,          -- 16 bytes that stand for their names, sizes and times
        PRIMARY KEY (folder, directory)
    ) WITHOUT ROWID""",
    # To count files without reading what they say of themselves.
    "CREATE INDEX source_kind ON source (folder, state, ctime_ns = 0, error IS NOT NULL)",
)

_UNSEEN = (
    # What lies in a folder under the name of music and could not even be looked at: a pipe, a link to nowhere.
    """CREATE TABLE unseen (
        folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
        path BLOB NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (folder, path)
    ) WITHOUT ROWID""",
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (*_SETTINGS, *_CATALOG, *_LOCAL, *_SHOWN, *_SEARCH),
    _PERSONAL,
    _SEEN,
    _UNSEEN,
)
"""Statement by statement; entry i takes a file from version i to i + 1."""
