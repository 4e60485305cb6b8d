using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Hosting;

/// <summary>What answers the requests of a connection, set on it by the listener that accepted it.</summary>
internal interface IListenerFeature
{
    RequestDelegate Handler { get; }
}
