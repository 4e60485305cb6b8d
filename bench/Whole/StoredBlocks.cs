using System.Text.Json;
using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.Format;

namespace OrleansTempo.Bench.Whole;

/// <summary>The blocks in a server's folder, read directly from its files.</summary>
internal readonly record struct StoredBlocks
{
    /// <summary>The number of blocks that queries read.</summary>
    public int Blocks { get; private init; }

    /// <summary>The number of spans in these, from their <c>meta.json</c>.</summary>
    public long Spans { get; private init; }

    /// <summary>The size of their files in bytes.</summary>
    public long Bytes { get; private init; }

    /// <summary>The number of blocks that were merged into others and wait for deletion, an hour by default.</summary>
    public int MergedBlocks { get; private init; }

    /// <param name="root">The directory of the object store.</param>
    /// <exception cref="IOException">A file was deleted while it was read, because a block was merged meanwhile.</exception>
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
