using System.Text.Json;
using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.Format;

namespace OrleansTempo.Bench.Whole;

/// <summary>What a server's folder has of blocks, read from its files as they are.</summary>
internal readonly record struct StoredBlocks
{
    /// <summary>Those that queries read.</summary>
    public int Blocks { get; private init; }

    /// <summary>Their spans, as their <c>meta.json</c> have them.</summary>
    public long Spans { get; private init; }

    /// <summary>The bytes of their files.</summary>
    public long Bytes { get; private init; }

    /// <summary>Those that were merged into others and wait to be deleted, an hour by default.</summary>
    public int MergedBlocks { get; private init; }

    /// <param name="root">The directory of the object store.</param>
    /// <exception cref="IOException">A file went while it was read: a block was merged meanwhile.</exception>
    public static StoredBlocks Read(string root)
    {
        var stored = default(StoredBlocks);
        foreach (var block in Directory.GetDirectories(Path.Combine(root, BlockPaths.Tenant(TenantId.Single))))
        {
            var meta = Path.Combine(block, BlockPaths.MetaFile);
            if (File.Exists(Path.Combine(block, BlockPaths.CompactedFile)))
            {
                stored = stored with { MergedBlocks = stored.MergedBlocks + 1 };
            }
            else if (File.Exists(meta))
            {
                using var json = JsonDocument.Parse(File.ReadAllBytes(meta));
                stored = stored with
                {
                    Blocks = stored.Blocks + 1,
                    Spans = stored.Spans + json.RootElement.GetProperty("spans").GetInt64(),
                    Bytes = stored.Bytes + new DirectoryInfo(block).GetFiles().Sum(static file => file.Length),
                };
            }
        }

        return stored;
    }
}
