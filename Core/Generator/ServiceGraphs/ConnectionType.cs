namespace OrleansTempo.Core.Generator.ServiceGraphs;

/// <summary>What an edge of the service graph is; the label <c>connection_type</c>, absent for a plain request.</summary>
internal enum ConnectionType
{
    Request,
    MessagingSystem,
    Database,
    VirtualNode,
}
