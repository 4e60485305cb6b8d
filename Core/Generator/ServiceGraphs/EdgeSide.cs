namespace OrleansTempo.Core.Generator.ServiceGraphs;

/// <summary>Which side of an edge a span is, or which side was left out by a filter policy.</summary>
internal enum EdgeSide : byte
{
    Client,
    Server,
    DroppedClient,
    DroppedServer,
}
