using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Hosting;

/// <inheritdoc cref="IListenerFeature"/>
internal sealed class ListenerFeature(RequestDelegate handler) : IListenerFeature
{
    public RequestDelegate Handler => handler;
}
