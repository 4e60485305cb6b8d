namespace OrleansTempo.Server.Tests.Receivers;

/// <summary>What came back from a gRPC call.</summary>
internal sealed record GrpcResult(int Status, string Message, string? Details, string? AcceptEncoding, bool IsTrailersOnly, byte[] Body);
