namespace OrleansTempo.Core.Storage;
internal static class BlockPaths {
  public static string Data(TenantId t, Guid b) => $"blocks/{t}/{b}/data";
  public static string Meta(TenantId t, Guid b) => $"blocks/{t}/{b}/meta.json";
}
internal static class BlockMetaJson { public static byte[] Write(BlockMeta m) => System.Text.Encoding.UTF8.GetBytes(m.ToString()); }
