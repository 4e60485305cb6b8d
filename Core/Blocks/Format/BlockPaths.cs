using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Blocks.Format;

/// <summary>
/// The names of a block's objects:
/// <code>
/// blocks/&lt;tenant's folder>/compactor                        who compacts this tenant
///                           /&lt;block ID>/data                 spans, bloom filter, page index
///                                      /meta.json            put last: completes the block
///                                      /meta.compacted.json  merged into another or expired: deleted later
///                                      /broken.json          set aside: no longer read
/// </code>
/// </summary>
internal static class BlockPaths
{
    public const string Root = "blocks/";

    public const string DataFile = ObjectName.WrittenOnce;
    public const string MetaFile = "meta.json";
    public const string CompactedFile = "meta.compacted.json";
    public const string BrokenFile = "broken.json";

    /// <summary>The prefix of all of a tenant's objects.</summary>
    public static string Tenant(TenantId tenant) => $"{Root}{TenantFolder.Of(tenant)}/";

    /// <summary>The prefix of all of a block's objects.</summary>
    public static string Block(TenantId tenant, Guid blockId) => File(tenant, blockId, "");

    public static string Data(TenantId tenant, Guid blockId) => File(tenant, blockId, DataFile);

    public static string Meta(TenantId tenant, Guid blockId) => File(tenant, blockId, MetaFile);

    public static string Compacted(TenantId tenant, Guid blockId) => File(tenant, blockId, CompactedFile);

    public static string Broken(TenantId tenant, Guid blockId) => File(tenant, blockId, BrokenFile);

    public static string CompactorClaim(TenantId tenant) => Tenant(tenant) + "compactor";

    /// <summary>Parses the name of a block's object below a tenant's prefix; false for any other name.</summary>
    public static bool TryRead(ReadOnlySpan<char> name, ReadOnlySpan<char> tenantPrefix, out Guid blockId, out ReadOnlySpan<char> file)
    {
        blockId = default;
        file = default;
        if (!name.StartsWith(tenantPrefix))
            return false;
        var rest = name[tenantPrefix.Length..];
        var slash = rest.IndexOf('/');
        if (slash < 0 || !Guid.TryParseExact(rest[..slash], "D", out blockId))
            return false;
        file = rest[(slash + 1)..];
        return true;
    }

    private static string File(TenantId tenant, Guid blockId, string file) => $"{Tenant(tenant)}{blockId:D}/{file}";
}
