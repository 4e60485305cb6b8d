using OrleansTempo.Core.Otlp.Buffers;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace OrleansTempo.Server.Receivers;

/// <summary>Decompresses Zstandard: frames one after another.</summary>
internal static class ZstdBody
{
    // A frame says how far back it refers, and the decoder keeps as much, beyond what is counted: 32 MiB is the most that the Collector's encoder uses.
    private const int MaxWindowLog = 25;

    /// <summary>The largest window that a frame may have.</summary>
    public const int MaxWindowBytes = 1 << MaxWindowLog;

    public static BodyStatus Decompress(RequestBuffer compressed, RequestBuffer content, int limit)
    {
        using var body = new MemoryStream(compressed.Array, 0, compressed.Length, writable: false);
        using var zstd = new DecompressionStream(body);
        zstd.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxWindowLog);
        try
        {
            return RequestBody.TryFill(content, zstd, limit) ? BodyStatus.Complete : BodyStatus.TooLarge;
        }
        catch (ZstdException e) when (e.Code == ZSTD_ErrorCode.ZSTD_error_frameParameter_windowTooLarge)
        {
            return BodyStatus.WindowTooLarge;
        }
        catch (ZstdException)
        {
            return BodyStatus.Undecodable;
        }
    }
}
