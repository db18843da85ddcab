// The shapes every view speaks, whichever machine they came from. Times in ms, sizes in bytes, gains in dB.

/**
 * @typedef {object} Ref  A name that leads somewhere.
 * @property {string} id
 * @property {string} name
 */

/**
 * @typedef {object} ReplayGain
 * @property {number | null} track_gain_db
 * @property {number | null} track_peak  1 is full scale
 * @property {number | null} album_gain_db
 * @property {number | null} album_peak
 */

/**
 * @typedef {object} TrackState
 * @property {boolean} playable
 * @property {"present" | "away" | "cloud" | "changed" | "missing"} source
 * @property {boolean} sealed
 * @property {boolean} mobile
 * @property {string} note  a sentence for the person, or ""
 */

/**
 * @typedef {object} Mark  What the person did with a thing; absent where the source doesn't know.
 * @property {number | null} [starred_ms]
 * @property {number | null} [rating]  1 to 5
 */

/** @typedef {TrackFacts & Mark & {plays?: number, played_ms?: number | null}} Track */
/** @typedef {AlbumFacts & Mark} Album */
/** @typedef {ArtistFacts & Mark} Artist */

/**
 * @typedef {object} TrackFacts
 * @property {string} id
 * @property {string} title
 * @property {Ref[]} artists
 * @property {Ref | null} album
 * @property {Ref[]} album_artists
 * @property {number | null} track_no
 * @property {number | null} disc_no
 * @property {number | null} year
 * @property {string[]} genres
 * @property {number} duration_ms
 * @property {string | null} cover
 * @property {number} added_ms
 * @property {ReplayGain | null} replaygain
 * @property {string} codec
 * @property {number} bitrate_bps
 * @property {number} size_bytes
 * @property {TrackState} state
 */

/**
 * @typedef {object} TrackSource  One file that the track was found in.
 * @property {string} path
 * @property {string} folder
 * @property {string} state
 */

/** @typedef {Track & {sources: TrackSource[], tags: Record<string, unknown>}} TrackDetail */

/**
 * @typedef {object} AlbumFacts
 * @property {string} id
 * @property {string} name
 * @property {Ref[]} artists
 * @property {number | null} year
 * @property {string[]} genres
 * @property {number} tracks
 * @property {number} discs
 * @property {number} duration_ms
 * @property {string | null} cover
 * @property {number} added_ms
 * @property {boolean} compilation
 */

/** @typedef {Omit<Album, "tracks"> & {tracks: Track[]}} AlbumDetail */

/**
 * @typedef {object} ArtistFacts
 * @property {string} id
 * @property {string} name
 * @property {number} albums
 * @property {number} tracks
 * @property {string | null} cover
 */

/** @typedef {Omit<Artist, "albums" | "tracks"> & {albums: Album[], appears_on: Album[], tracks: Track[]}} ArtistDetail */

/**
 * @typedef {object} Genre
 * @property {string} name
 * @property {number} tracks
 * @property {number} albums
 */

/**
 * @template T
 * @typedef {object} Page
 * @property {number} total  of everything the query matches
 * @property {T[]} items
 */

/**
 * @typedef {object} Found
 * @property {Artist[]} artists
 * @property {Album[]} albums
 * @property {Track[]} tracks
 */

/**
 * @typedef {object} History
 * @property {Track[]} recent  the last played first
 * @property {Track[]} most  the most played first
 */

/**
 * @typedef {object} Playlist
 * @property {string} id
 * @property {string} name
 * @property {string} comment
 * @property {number} tracks
 * @property {number} duration_ms
 * @property {string | null} cover
 * @property {number} changed_ms
 */

/** @typedef {Playlist & {items: Track[]}} PlaylistDetail */

/**
 * @typedef {object} Lyrics
 * @property {boolean} synced
 * @property {{time_ms: number | null, text: string}[]} lines
 */

/**
 * @typedef {object} Library
 * @property {string} library
 * @property {string} device
 * @property {string} version
 * @property {number} revision
 * @property {boolean} phrase_confirmed
 * @property {{tracks: number, albums: number, artists: number, genres: number}} counts
 * @property {number} duration_ms
 */

/**
 * @typedef {object} Job
 * @property {string} id
 * @property {string} kind
 * @property {"running" | "done" | "failed"} state
 * @property {string} phase
 * @property {number} files_done
 * @property {number} files_total
 * @property {number} bytes_done
 * @property {number} bytes_total
 * @property {number} rate_bytes_per_s
 * @property {number | null} left_s
 * @property {{path: string, reason: string}[]} failed
 * @property {number} [failed_total]  when more failed than `failed` lists
 * @property {string | null} [error]  why it stopped
 * @property {unknown} result
 */

/**
 * @typedef {object} Folder
 * @property {string} id
 * @property {string} path
 * @property {string} state  "present" or "away"
 * @property {number} [tracks]
 * @property {boolean} [whole]  false: only chosen files of it were added
 * @property {string} [note]
 */

/**
 * @typedef {object} Notice
 * @property {string} level  "info", "warning" or "error"
 * @property {string} text
 */

/**
 * @typedef {object} Store  What lies sealed on the machine, as far as the source knows.
 * @property {{cache_bytes: number, pinned_bytes: number, damaged_blobs: number}} [sealed]
 * @property {{files: number, bytes: number}} [left_to_seal]
 * @property {{files: number, bytes: number}} [left_to_render]
 * @property {number} [disk_free_bytes]
 */

/**
 * @typedef {object} Status
 * @property {Folder[]} folders
 * @property {Job[]} jobs
 * @property {Store} store
 * @property {Notice[]} notices
 */

/** @typedef {"auto" | "original" | "mobile" | "lan"} Rendition  lan: the original where the way to a computer stays in this network, else the small one */

export {};
