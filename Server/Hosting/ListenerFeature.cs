using Microsoft.AspNetCore.Http;

namespace OrleansTempo.Server.Hosting;

/// <inheritdoc cref="IListenerFeature"/>
internal sealed class ListenerFeature(RequestDelegate handler, RequestDelegate failureHandler) : IListenerFeature
{
    public RequestDelegate Handler => handler;

    public RequestDelegate FailureHandler => failureHandler;
}
